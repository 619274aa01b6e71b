"""How an Ed-Fi host is found and read, from version 5.3 to 7."""

import json

import pytest
from starlette.responses import JSONResponse, Response

from concord.exceptions import ContractError, DataError
from concord.transport.edfi_host import Window
from concord.transport.registry import read_spec
from tests.support.small_county import NIGHTS, SPECS

pytestmark = pytest.mark.enable_socket
STUDENTS = "/data/v3/ed-fi/students"


def test_key_changes_come_before_deletions_and_rows(county, start):
    county.clock(county.night(0))
    county.clock(county.night(1))
    change = {"id": f"{2:032x}", "changeVersion": 120, "newKeyValues": {"s": "S2b"}}
    county.ndjson("school", NIGHTS[1], "students.keyChanges", [change])
    _, sink = start().fetch("school", NIGHTS[1], "5")
    roles = [part.role for part in sink.parts]
    assert roles == ["manifest", "key_changes", "deletes", "rows"]
    assert json.loads(sink.bytes["students/keyChanges/00001.json"]) == [change]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", {}),
        ("/", {"urls": {"oauth": "http://127.0.0.1:1/", "dataManagementApi": "/"}}),
        ("/changeQueries/v1/availableChangeVersions", {"newestChangeVersion": "x"}),
        (STUDENTS, [{"noId": 1}]),
    ],
)
def test_an_answer_that_is_not_as_the_standard_says_is_an_error(
    county, start, path, answer
):
    county.clock(county.night(0))

    def intercept(feed, request):
        same = feed == "school" and request.url.path == path
        return JSONResponse(answer, headers={"Total-Count": "1"}) if same else None

    with pytest.raises(DataError) as caught:
        start(intercept=intercept).fetch("school", NIGHTS[0])
    assert caught.value.code in {"PROTOCOL", "OTHER_ORIGIN"}


class Asked:
    """Writes down what the school is asked, and may answer some of it."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.requests = []

    def __call__(self, feed, request):
        self.requests.append(request)
        answer = self.answers.get(request.url.path)
        return answer(request) if answer else None

    def to(self, path):
        """Return the parameters of every request to a path."""
        return [dict(r.query_params) for r in self.requests if r.url.path == path]


def students(sink):
    return sorted(row["studentUniqueId"] for row in sink.rows("students"))


EVERYBODY = ["S1", "S2", "S3", "S4", "S5"]


@pytest.mark.parametrize("partitions", [0, 1, 3, 9])
def test_cursor_paging_is_never_mixed_with_counting(county, start, partitions):
    county.clock(county.night(0))
    asked = Asked()
    fetched, sink = start(intercept=asked).fetch(
        "school", NIGHTS[0], paging="cursor", partitions=partitions
    )
    assert students(sink) == EVERYBODY
    assert fetched.rows_expected == {"students": 5}
    pages = [query for query in asked.to(STUDENTS) if "pageSize" in query]
    assert len(pages) >= 3
    assert all(q.keys().isdisjoint({"limit", "offset", "totalCount"}) for q in pages)
    assert all(query["maxChangeVersion"] == "5" for query in pages)
    assert len(asked.to(f"{STUDENTS}/partitions")) == (partitions > 0)


def test_the_server_refuses_both_ways_of_paging_at_once(county, start):
    """What the client must never send is really refused by the simulated host."""
    county.clock(county.night(0))
    running = start(
        intercept=lambda feed, request: (
            request.scope.update(
                query_string=request.scope["query_string"] + b"&offset=0"
            )
            if b"pageSize" in request.scope["query_string"]
            else None
        )
    )
    with pytest.raises(DataError, match="HTTP 400"):
        running.fetch("school", NIGHTS[0], paging="cursor")


def test_a_window_is_read_in_steps(county, start):
    county.clock(county.night(0))
    asked = Asked()
    running = start(intercept=asked)
    fetched, sink = running.fetch("school", NIGHTS[0], stepSize=2)
    assert (students(sink), fetched.cursor) == (EVERYBODY, "5")
    windows = {
        (q.get("minChangeVersion"), q["maxChangeVersion"]) for q in asked.to(STUDENTS)
    }
    assert windows == {(None, "2"), ("3", "4"), ("5", "5")}


@pytest.mark.parametrize(
    ("window", "size", "steps"),
    [
        (Window(None, 0), 2, [(None, 0)]),
        (Window(None, 4), 2, [(None, 2), (2, 4)]),
        (Window(7, 8), 50, [(7, 8)]),
        (Window(7, 10), 2, [(7, 9), (9, 10)]),
        (Window(7, None), 2, [(7, None)]),
        (Window(7, 10), None, [(7, 10)]),
    ],
)
def test_steps_cover_a_window_without_gap_or_overlap(window, size, steps):
    assert [(w.last, w.newest) for w in window.steps(size)] == steps


def discovery(**urls):
    return {"/": lambda r: JSONResponse({"urls": urls})}


def test_a_host_that_names_no_change_queries_has_them_beside_the_data(county, start):
    county.clock(county.night(0))
    asked = Asked(discovery(oauth="/oauth/token", dataManagementApi="/data/v3/"))
    _, sink = start(intercept=asked).fetch("school", NIGHTS[0])
    assert students(sink) == EVERYBODY


@pytest.mark.parametrize(
    ("named", "spec", "path"),
    [
        ("/api/data/v3/", {"year": 2026}, "/api/data/v3/2026/ed-fi/students"),
        ("/api/data/v3/2026", {"year": 2026}, "/api/data/v3/2026/ed-fi/students"),
        (
            "/data/v3",
            {"instance": "district-9", "year": 2026},
            "/data/v3/district-9/2026/ed-fi/students",
        ),
    ],
)
def test_instance_and_year_stand_in_every_path_once(county, start, named, spec, path):
    county.clock(county.night(0))
    asked = Asked(discovery(oauth="/oauth/token", dataManagementApi=named))
    changes = path.replace("/data/v3", "/changeQueries/v1").replace(
        "ed-fi/students", "availableChangeVersions"
    )
    versions = {"oldestChangeVersion": 0, "newestChangeVersion": 5}
    asked.answers[changes] = lambda _r: JSONResponse(versions)
    asked.answers[path] = lambda _r: JSONResponse([], headers={"Total-Count": "0"})
    fetched, _ = start(intercept=asked).fetch("school", NIGHTS[0], **spec)
    assert fetched.rows_expected == {"students": 0}
    assert [q["maxChangeVersion"] for q in asked.to(path)] == ["5"]


def test_a_host_without_a_discovery_document_is_named_by_the_contract(county, start):
    county.clock(county.night(0))
    asked = Asked()
    urls = {
        "oauth": "/oauth/token",
        "dataManagementApi": "/data/v3",
        "changeQueries": "/changeQueries/v1",
    }
    _, sink = start(intercept=asked).fetch("school", NIGHTS[0], urls=urls)
    assert students(sink) == EVERYBODY
    assert "/" not in {request.url.path for request in asked.requests}


def test_a_pattern_in_the_discovery_document_is_filled_from_the_contract(county, start):
    county.clock(county.night(0))
    asked = Asked(
        discovery(
            oauth="/{tenantIdentifier}/oauth/token",
            dataManagementApi="/{tenantIdentifier}/data/v3/{schoolYearFromRoute}/",
        )
    )
    with pytest.raises(DataError, match="is a pattern: give instance or year"):
        start(intercept=asked).fetch("school", NIGHTS[0], year=2026)
    tenant = {"access_token": "t", "token_type": "bearer", "expires_in": 1800}
    versions = {"oldestChangeVersion": 0, "newestChangeVersion": 5}
    path = "/district-9/data/v3/2026/ed-fi/students"
    changes = "/district-9/changeQueries/v1/2026/availableChangeVersions"
    asked.answers |= {
        "/district-9/oauth/token": lambda _r: JSONResponse(tenant),
        changes: lambda _r: JSONResponse(versions),
        path: lambda _r: JSONResponse([], headers={"Total-Count": "0"}),
    }
    running = start(intercept=asked)
    running.fetch("school", NIGHTS[0], instance="district-9", year=2026)
    assert [q["maxChangeVersion"] for q in asked.to(path)] == ["5"]


def uncounted(rows, cap=500):
    """Answer pages of rows that are never counted, and capped."""

    def answer(request):
        asked = request.query_params
        first, size = int(asked.get("offset", 0)), min(int(asked["limit"]), cap)
        later = "maxChangeVersion" not in asked
        return JSONResponse([] if later else rows[first : first + size])

    return answer


ROWS = [{"id": f"{n:032x}", "studentUniqueId": f"S{n}"} for n in range(1, 6)]


@pytest.mark.parametrize("cap", [1, 2, 500])
def test_rows_that_a_host_does_not_count_are_read_to_an_empty_page(county, start, cap):
    county.clock(county.night(0))
    asked = Asked({STUDENTS: uncounted(ROWS, cap)})
    fetched, sink = start(intercept=asked).fetch("school", NIGHTS[0])
    assert (students(sink), fetched.rows_expected) == (EVERYBODY, {"students": 5})


def test_uncounted_rows_that_change_while_they_are_read_are_refused(county, start):
    """One that leaves the window lets another move up into a page that was read."""
    county.clock(county.night(0))
    moved = [{"id": f"{9:032x}", "changeVersion": 9}]
    asked = Asked(
        {
            STUDENTS: uncounted(ROWS),
            f"{STUDENTS}/deletes": lambda _r: JSONResponse(moved),
        }
    )
    with pytest.raises(DataError, match="CHANGED_WHILE_READ"):
        start(intercept=asked).fetch("school", NIGHTS[0])


def test_uncounted_rows_by_cursor_need_no_second_look(county, start):
    county.clock(county.night(0))

    def answer(request):
        if "pageSize" not in request.query_params:
            return JSONResponse([])
        return None

    asked = Asked({STUDENTS: answer})
    _, sink = start(intercept=asked).fetch("school", NIGHTS[0], paging="cursor")
    assert students(sink) == EVERYBODY
    assert asked.to(f"{STUDENTS}/deletes") == []


def test_a_page_larger_than_the_host_allows_is_told(county, start):
    county.clock(county.night(0))
    with pytest.raises(DataError, match="PAGE_REFUSED") as caught:
        start(max_page=100).fetch("school", NIGHTS[0], pageSize=500)
    assert "Lower pageSize" in caught.value.remedy


@pytest.mark.parametrize(("version", "known"), [("5.3", False), ("6.1", True)])
def test_hosts_before_six_need_not_know_key_changes(county, start, version, known):
    county.clock(county.night(0))
    county.clock(county.night(1))
    missing = Asked({f"{STUDENTS}/keyChanges": lambda _r: Response(status_code=404)})
    running = start(intercept=missing, edfi_version=version)
    if known:
        with pytest.raises(DataError, match="NOT_FOUND"):
            running.fetch("school", NIGHTS[1], "5")
        return
    _, sink = running.fetch("school", NIGHTS[1], "5")
    assert [part.role for part in sink.parts] == ["manifest", "deletes", "rows"]


def test_notices_that_are_not_counted_are_read_to_their_end(county, start):
    """Hosts of 5.3 give no Total-Count of deletions, and have no key changes."""
    county.clock(county.night(0))
    county.clock(county.night(1))
    gone = [{"id": f"{n:032x}", "changeVersion": 60 + n} for n in range(5)]

    def deletes(request):
        first = int(request.query_params.get("offset", 0))
        return JSONResponse(gone[first:][: int(request.query_params["limit"])])

    asked = Asked({f"{STUDENTS}/deletes": deletes})
    running = start(intercept=asked)
    _, sink = running.fetch("school", NIGHTS[1], "5", keyChanges=False)
    assert sink.rows("students", "deletes") == gone
    offsets = [query["offset"] for query in asked.to(f"{STUDENTS}/deletes")[1:]]
    assert offsets == ["0", "2", "4", "5"]
    assert asked.to(f"{STUDENTS}/keyChanges") == []


def test_notices_that_come_twice_are_held(county, start):
    county.clock(county.night(0))
    county.clock(county.night(1))
    gone = [{"id": f"{n:032x}", "changeVersion": 60} for n in range(2)]
    asked = Asked({f"{STUDENTS}/deletes": lambda _r: JSONResponse(gone)})
    with pytest.raises(DataError, match="DUPLICATE_PAGE"):
        start(intercept=asked).fetch("school", NIGHTS[1], "5")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"partitions": 4}, "partitions need paging: cursor"),
        ({"urls": {"oauth": "/oauth/token"}}, "urls.dataManagementApi"),
        ({"pageSize": 501}, "500"),
    ],
)
def test_a_contract_that_no_host_can_answer_is_refused(spec, reason):
    with pytest.raises(ContractError, match=reason):
        read_spec("school", {**SPECS["school"], **spec})
