"""The ways from page to page, against a system that keeps to each."""

import pytest
from starlette.responses import JSONResponse

from concord.exceptions import ContractError
from concord.transport.registry import read_spec
from tests.support.scripts import failure
from tests.support.small_county import SPECS

pytestmark = pytest.mark.enable_socket
ROWS = [{"id": f"P{n}"} for n in range(7)]


class System:
    """Answers pages of seven rows and writes down what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, feed, request):
        if not request.url.path.startswith("/api/"):
            return None
        self.asked.append(str(request.url.query))
        return self.answer(request.query_params)


def by_offset(params):
    first, most = int(params.get("skip", 0)), min(int(params["top"]), 2)
    return JSONResponse(ROWS[first : first + most], headers={"X-Total-Count": "7"})


def by_cursor(params):
    first = int(params.get("cursor", 0))
    following = first + int(params["limit"])
    rows = ROWS[first:following]
    more = following if following < len(ROWS) else None
    return JSONResponse({"data": rows, "meta": {"next": more, "count": 7}})


OFFSET = {
    "paging": "offset", "limitParam": "top", "offsetParam": "skip", "dataPath": "",
    "totalPath": None, "nightPath": None, "pageSize": 3, "keyPath": "id",
}  # fmt: skip
CURSOR = {
    "paging": "cursor", "nextPath": "meta.next", "totalPath": "meta.count",
    "nightPath": None, "pageSize": 3,
}  # fmt: skip


def test_offsets_count_the_rows_that_came_and_end_at_the_total(fetch):
    system = System(by_offset)
    fetched, sink = fetch(system, **OFFSET, totalHeader="X-Total-Count")
    assert fetched.rows_expected == {"persons": 7}
    skips = [query.rsplit("=", 1)[1] for query in system.asked]
    assert skips == ["0", "2", "4", "6"]  # the system caps its pages at two rows
    assert len(sink.parts) == 4


def test_offsets_without_a_total_end_at_an_empty_page(fetch):
    system = System(by_offset)
    assert fetch(system, **OFFSET)[0].rows_expected == {"persons": 7}
    assert system.asked[-1] == "top=3&skip=7"


def test_a_cursor_leads_from_page_to_page(fetch):
    system = System(by_cursor)
    assert fetch(system, **CURSOR)[0].rows_expected == {"persons": 7}
    assert system.asked == ["limit=3", "limit=3&cursor=3", "limit=3&cursor=6"]


def test_a_link_header_leads_from_page_to_page(fetch):
    def by_header(params):
        page = int(params.get("page", 1))
        rows, more = ROWS[3 * page - 3 : 3 * page], 3 * page < len(ROWS)
        link = f'</api/v1/persons?page={page + 1}>; rel="next", </first>; rel="first"'
        return JSONResponse({"data": rows}, headers={"Link": link} if more else {})

    system = System(by_header)
    spec = {"nextPath": None, "totalPath": None, "nightPath": None}
    assert fetch(system, **spec)[0].rows_expected == {"persons": 7}
    assert system.asked[1:] == ["page=2", "page=3"]


BY_HEADER = {"nextPath": None, "totalPath": None, "nightPath": None, "pageSize": 3}


@pytest.mark.parametrize(
    "link",
    [
        '</api/v1/persons?page={n}>; rel="next", </first>; rel="first"',
        '</first>; rel="first prev", </api/v1/persons?page={n}>; rel="last next"',
        "</api/v1/persons?page={n}>; Rel=Next",
        '</api/v1/persons?page={n}>; title="a, b"; rel="next"',
        '<?page={n}>; rel="next"',
        '<persons?page={n}>; rel="next"',
        '<./persons?page={n}>; rel="next"',
    ],
)
def test_a_link_header_is_read_however_it_is_written(fetch, link):
    """It may hold several links and relations, and is relative to its own page."""

    def by_header(params):
        page = int(params.get("page", 1))
        rows, more = ROWS[3 * page - 3 : 3 * page], 3 * page < len(ROWS)
        headers = {"Link": link.format(n=page + 1)} if more else {}
        return JSONResponse({"data": rows}, headers=headers)

    system = System(by_header)
    assert fetch(system, **BY_HEADER)[0].rows_expected == {"persons": 7}
    assert system.asked == ["limit=3", "page=2", "page=3"]


def test_an_address_in_a_page_is_relative_to_that_page(fetch):
    def by_body(params):
        page = int(params.get("page", 1))
        rows, more = ROWS[3 * page - 3 : 3 * page], 3 * page < len(ROWS)
        following = f"persons?page={page + 1}" if more else None
        return JSONResponse({"data": rows, "paging": {"next": following, "total": 7}})

    system = System(by_body)
    assert fetch(system, nightPath=None)[0].rows_expected == {"persons": 7}


@pytest.mark.parametrize("total", ["X-Total-Count", None])
def test_pages_may_be_numbered(fetch, total):
    def by_number(params):
        first = 3 * (int(params["pageNo"]) - 1)
        rows = ROWS[first : first + int(params["limit"])]
        return JSONResponse(rows, headers={"X-Total-Count": "7"})

    system = System(by_number)
    spec = {
        "paging": "page", "pageParam": "pageNo", "dataPath": "", "totalPath": None,
        "nightPath": None, "pageSize": 3, "totalHeader": total,
    }  # fmt: skip
    assert fetch(system, **spec)[0].rows_expected == {"persons": 7}
    numbers = [query.rsplit("=", 1)[1] for query in system.asked]
    assert numbers == (["1", "2", "3"] if total else ["1", "2", "3", "4"])


@pytest.mark.parametrize(
    "type_", ["application/vnd.api+json", "application/hal+json", "text/json"]
)
def test_json_goes_by_many_names(fetch, type_):
    page = {"data": ROWS, "paging": {"total": 7, "next": None}}
    system = System(lambda _params: JSONResponse(page, media_type=type_))
    assert fetch(system, nightPath=None)[0].rows_expected == {"persons": 7}


@pytest.mark.parametrize(
    ("answer", "spec"),
    [
        ({"data": ROWS, "meta": {"next": {"a": 1}, "count": 9}}, CURSOR),
        ({"data": [{"x": 1}], "meta": {"count": 1}}, {**CURSOR, "keyPath": "id"}),
        ({"data": ROWS}, {**CURSOR, "totalHeader": "X-Total-Count"}),
    ],
    ids=["odd-cursor", "no-key", "no-total"],
)
def test_a_page_without_what_the_contract_names_is_an_error(fetch, answer, spec):
    system = System(lambda _params: JSONResponse(answer))
    assert failure(fetch, system, **spec).code == "PROTOCOL"


@pytest.mark.parametrize("login", [{}, {"tokenPath": "/t", "apiKeyHeader": "X-Key"}])
def test_a_contract_names_one_login(login):
    spec = {k: v for k, v in SPECS["probation"].items() if k != "tokenPath"}
    with pytest.raises(ContractError, match="give tokenPath or apiKeyHeader"):
        read_spec("probation", {**spec, **login})


def test_a_contract_says_where_cursors_are():
    with pytest.raises(ContractError, match="cursor needs nextPath"):
        read_spec("probation", {**SPECS["probation"], **CURSOR, "nextPath": None})
