"""An Ed-Fi API that changes while it is read, or has forgotten what changed."""

import pytest
from starlette.responses import JSONResponse, Response

from concord.exceptions import DeliveryHeld, TransportError
from tests.support.scripts import CANARY
from tests.support.small_county import NIGHTS

pytestmark = pytest.mark.enable_socket
STUDENTS = "/data/v3/ed-fi/students"
BY_CURSOR = {"paging": "cursor"}


def on_page(action, number=1):
    """Call the action when the n-th page of students is asked for."""
    pages = []

    def intercept(feed, request):
        asks_for_count = request.query_params.get("limit") == "0"
        if request.url.path != STUDENTS or asks_for_count:
            return None
        pages.append(request)
        return action(request) if len(pages) == number else None

    return intercept


@pytest.mark.fault("T22", outcome="accepted")
@pytest.mark.parametrize("paging", ["offset", "cursor"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_t22_a_row_that_changes_while_paging_skips_no_other(
    county, start, paging, number
):
    """A row changes while pages are read: it and all others come, tonight and next."""
    county.clock(county.night(0))
    changed = {"id": f"{1:032x}", "studentUniqueId": "S1", "_changeVersion": 9}
    county.ndjson("school", NIGHTS[1], "students", [changed])
    running = start(intercept=on_page(lambda _r: county.clock(NIGHTS[1]), number))
    fetched, sink = running.fetch("school", NIGHTS[0], paging=paging)
    found = {row["studentUniqueId"] for row in sink.rows("students")}
    assert found == {"S1", "S2", "S3", "S4", "S5"}
    assert (fetched.cursor, fetched.whole) == ("5", True)
    fetched, sink = running.fetch("school", NIGHTS[1], fetched.cursor, paging=paging)
    assert [row["studentUniqueId"] for row in sink.rows("students")] == ["S1"]
    assert (fetched.cursor, fetched.whole) == ("9", False)


@pytest.mark.fault("T22", outcome="accepted")
def test_t22_a_change_outside_a_window_waits_for_the_next(county, start):
    """A row changes while a window of changes is read: left for the next night."""
    county.clock(county.night(0))
    changed = {"id": f"{1:032x}", "studentUniqueId": "S1", "_changeVersion": 9}
    county.ndjson("school", NIGHTS[1], "students", [changed])
    running = start(intercept=on_page(lambda _r: county.clock(NIGHTS[1])))
    fetched, sink = running.fetch("school", NIGHTS[0], "0")
    found = {row["studentUniqueId"] for row in sink.rows("students")}
    assert found >= {"S2", "S3", "S4", "S5"}
    _, sink = running.fetch("school", NIGHTS[1], fetched.cursor)
    assert [row["studentUniqueId"] for row in sink.rows("students")] == ["S1"]


@pytest.mark.fault("T21", code="COUNT_MISMATCH", outcome="held")
@pytest.mark.parametrize("paging", ["offset", "cursor"])
def test_t21_an_edfi_page_served_twice_is_held(county, start, paging):
    """An Ed-Fi page comes again in place of another: held, as ids are missing."""
    county.clock(county.night(0))
    rows = [{"id": f"{n:032x}", "name": CANARY} for n in (1, 2)]
    # The last page is read first by offset, and holds one row; by cursor the first two.
    number = 1 if paging == "offset" else 2
    headers = {"Next-Page-Token": f"{4:032x}-"} if paging == "cursor" else {}
    answer = JSONResponse(rows, headers=headers)
    running = start(intercept=on_page(lambda _request: answer, number))
    with pytest.raises(DeliveryHeld, match="COUNT_MISMATCH") as caught:
        running.fetch("school", NIGHTS[0], paging=paging)
    found = 4 if paging == "offset" else 3
    assert caught.value.counts == {"expected": 5, "found": found}
    assert CANARY not in repr(caught.value)


@pytest.mark.fault("T23", code="PAGING_LOOP", outcome="refused")
def test_t23_a_page_token_that_comes_again_is_left(county, start):
    """An Ed-Fi page names its own token as the next: left, not followed for ever."""
    county.clock(county.night(0))

    def intercept(feed, request):
        if "pageSize" not in request.query_params:
            return None
        return JSONResponse([], headers={"Next-Page-Token": "again"})

    with pytest.raises(TransportError, match="PAGING_LOOP"):
        start(intercept=intercept).fetch("school", NIGHTS[0], paging="cursor")


@pytest.mark.fault("T19", code="FORBIDDEN", outcome="refused")
def test_t19_an_edfi_claim_set_without_a_resource_is_named(county, start):
    """The claim set of our key leaves out a resource: HTTP 403, and it is named."""
    county.clock(county.night(0))

    def intercept(feed, request):
        refused = request.url.path == STUDENTS
        return Response(CANARY, status_code=403) if refused else None

    with pytest.raises(TransportError, match="FORBIDDEN") as caught:
        start(intercept=intercept).fetch("school", NIGHTS[0])
    assert "resource students" in caught.value.detail
    assert CANARY not in str(caught.value)


@pytest.mark.fault("R8", code="TRACKING_TRUNCATED", outcome="held")
def test_r8_changes_that_were_forgotten_are_held(county, start):
    """The API has forgotten changes since the last night taken: held, nothing read."""
    county.clock(county.night(0))
    running = start(oldest_change_version=4)
    assert running.fetch("school", NIGHTS[0], "3")[0].cursor == "5"
    with pytest.raises(DeliveryHeld, match="TRACKING_TRUNCATED"):
        running.fetch("school", NIGHTS[0], "2")


@pytest.mark.fault("R8", code="TRACKING_RESET", outcome="held")
def test_r8_change_versions_that_start_again_are_held(county, start):
    """Change versions start again below the last one taken: held, nothing read."""
    county.clock(county.night(0))
    with pytest.raises(DeliveryHeld, match="TRACKING_RESET"):
        start().fetch("school", NIGHTS[0], "6")
