"""An Ed-Fi API that changes while it is read, or has forgotten what changed."""

import json

import pytest
from starlette.responses import JSONResponse

from concord.exceptions import DataError, DeliveryHeld
from tests.support.small_county import NIGHTS

pytestmark = pytest.mark.enable_socket
STUDENTS = "/data/v3/ed-fi/students"


def on_page(action):
    """Call the action when the first page of students is asked for."""
    pending = [action]

    def intercept(feed, request):
        is_page = request.url.path == STUDENTS and request.query_params["limit"] != "0"
        return pending.pop()(request) if is_page and pending else None

    return intercept


def test_a_row_that_changes_while_paging_skips_no_other_row(county, start):
    county.clock(county.night(0))
    changed = {"id": f"{1:032x}", "studentUniqueId": "S1", "_changeVersion": 9}
    county.ndjson("school", NIGHTS[1], "students", [changed])
    running = start(intercept=on_page(lambda _request: county.clock(NIGHTS[1])))
    fetched, sink = running.fetch("school", NIGHTS[0])
    found = {row["studentUniqueId"] for row in sink.rows("students")}
    assert found >= {"S2", "S3", "S4", "S5"}
    assert fetched.cursor == "5"
    _, sink = running.fetch("school", NIGHTS[1], fetched.cursor)
    assert [row["studentUniqueId"] for row in sink.rows("students")] == ["S1"]


def test_a_page_served_twice_is_held(county, start):
    county.clock(county.night(0))
    rows = [{"id": f"{n:032x}"} for n in (1, 2)]
    running = start(intercept=on_page(lambda _request: JSONResponse(rows)))
    with pytest.raises(DeliveryHeld, match="COUNT_MISMATCH") as caught:
        running.fetch("school", NIGHTS[0])
    assert caught.value.counts == {"expected": 5, "found": 4}


def test_changes_that_were_forgotten_are_held(county, start):
    county.clock(county.night(0))
    running = start(oldest_change_version=4)
    assert running.fetch("school", NIGHTS[0], "3")[0].cursor == "5"
    with pytest.raises(DeliveryHeld, match="TRACKING_TRUNCATED"):
        running.fetch("school", NIGHTS[0], "2")


def test_change_versions_that_start_again_are_held(county, start):
    county.clock(county.night(0))
    with pytest.raises(DeliveryHeld, match="TRACKING_RESET"):
        start().fetch("school", NIGHTS[0], "6")


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


def test_a_missing_total_count_is_an_error(county, start):
    county.clock(county.night(0))

    def intercept(feed, request):
        return JSONResponse([]) if request.url.path == STUDENTS else None

    with pytest.raises(DataError, match="PROTOCOL"):
        start(intercept=intercept).fetch("school", NIGHTS[0])
