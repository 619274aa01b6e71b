"""REST systems that throttle, expire, page wrongly, lead elsewhere or send nonsense."""

import json
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from concord import pipeline
from concord.exceptions import DeliveryHeld, TransportError
from concord.settings import Settings
from concord.transport.registry import open_transport, read_spec
from tests.support.scripts import CANARY, PAGE, Script, failure, page
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
ALL = {"persons": 5}


@pytest.mark.fault("T15", outcome="accepted")
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_t15_a_busy_system_is_left_alone_as_long_as_it_asks(fetch, form):
    """HTTP 429 with Retry-After, in seconds or as a date: waited for, then read on."""

    def wait():
        asked = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
        return Response(status_code=429, headers={"Retry-After": asked})

    began = time.monotonic()
    assert fetch(Script(wait))[0].rows_expected == ALL
    assert 0.9 < time.monotonic() - began < 4


@pytest.mark.fault("T15", code="THROTTLED", outcome="refused")
@pytest.mark.parametrize("status", [429, 503])
def test_t15_a_busy_token_endpoint_refuses_nobody(county, start, status):
    """The token endpoint is busy: late and asked again later, not a refused login."""

    def intercept(feed, request):
        on_token = request.url.path == "/oauth/token"
        return JSONResponse({"error": CANARY}, status) if on_token else None

    county.clock(county.night(0))
    with pytest.raises(TransportError, match="THROTTLED") as caught:
        start(intercept=intercept).fetch("probation", NIGHTS[0])
    assert CANARY not in repr(caught.value)


@pytest.mark.fault("T16", code="THROTTLED", outcome="refused")
def test_t16_a_retry_after_of_days_is_capped_and_then_given_up(fetch):
    """Retry-After of 999999 seconds: waited for no longer than agreed, then late."""
    wait = Response(status_code=429, headers={"Retry-After": "999999"})
    script = Script(then=wait)
    assert failure(fetch, script, retryAfterMaxSeconds=0).code == "THROTTLED"
    assert len(script.requests) == 1 + QUICK_HTTP["retries"]


@pytest.mark.fault("T16", code="THROTTLED", outcome="refused")
def test_t16_a_retry_after_that_nobody_can_read_counts_as_none(fetch):
    """Retry-After of garbage: asked again with our own pauses, then late."""
    wait = Response(status_code=429, headers={"Retry-After": "soon"})
    assert fetch(Script(wait))[0].rows_expected == ALL
    script = Script(then=wait)
    assert failure(fetch, script).code == "THROTTLED"
    assert len(script.requests) == 1 + QUICK_HTTP["retries"]


@pytest.mark.fault("T16", code="DEADLINE", outcome="refused")
def test_t16_waiting_ends_at_the_deadline(fetch):
    """Retry-After beyond the deadline of the visit: the visit ends at its deadline."""
    wait = Response(status_code=503, headers={"Retry-After": "60"})
    began = time.monotonic()
    assert failure(fetch, Script(then=wait), deadlineSeconds=0.5).code == "DEADLINE"
    assert time.monotonic() - began < 2


@pytest.mark.fault("T17", code="THROTTLED", outcome="refused")
def test_t17_all_pages_of_a_visit_share_one_budget_of_retries(fetch):
    """Bursts of HTTP 503 on page after page: one budget a visit, then late."""
    busy = Response(status_code=503)
    script = Script(busy, None, busy, None, busy, None)
    assert failure(fetch, script, retryBudget=2).code == "THROTTLED"
    assert len(script.requests) == 5  # two pages at the second try, the third at none


@pytest.mark.fault("T17", outcome="accepted")
def test_t17_a_short_burst_is_sat_out(fetch):
    """A short burst of HTTP 503: asked again after a growing pause, then read on."""
    busy = Response(status_code=503)
    fetched, sink = fetch(Script(busy, busy, None, busy))
    assert fetched.rows_expected == ALL
    assert len(sink.rows("persons")) == 5


@pytest.mark.fault("T18", outcome="accepted")
def test_t18_a_token_that_expires_between_pages_is_renewed_once(county, start):
    """The token expires after page 2: a new one is got and the same page read on."""
    county.clock(county.night(0))
    script = Script(
        None, None, lambda: running.servers.tokens["probation"].revoke_all()
    )
    running = start(intercept=script)
    fetched, sink = running.fetch("probation", NIGHTS[0], resources=("persons",))
    assert fetched.rows_expected == ALL
    assert len(sink.parts) == 3
    assert running.servers.tokens["probation"].granted == 2


@pytest.mark.fault("T18", code="UNAUTHORIZED", outcome="refused")
def test_t18_a_fresh_token_that_is_refused_as_well_is_an_error(county, start):
    """A fresh token is refused too: the account's rights are wrong, and it is said."""
    county.clock(county.night(0))
    running = start(token_seconds=0)
    with pytest.raises(TransportError, match="UNAUTHORIZED"):
        running.fetch("probation", NIGHTS[0])
    assert running.servers.tokens["probation"].granted == 2


@pytest.mark.fault("T19", code="FORBIDDEN", outcome="refused")
def test_t19_one_forbidden_resource_is_named_and_other_feeds_go_on(
    county, start, tmp_path
):
    """HTTP 403 for one resource: named; its feed is late whole, others go on."""
    night = county.night(0)
    county.clock(night)

    def intercept(feed, request):
        refused = request.url.path.endswith("/violations")
        return Response(CANARY, status_code=403) if refused else None

    running = start(intercept=intercept)

    def connect(contract):
        spec = read_spec(contract.id, {**SPECS[contract.id], **QUICK_HTTP})
        return open_transport(contract.id, spec, running.connections[contract.id])

    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        with pytest.raises(TransportError) as caught:
            pipeline.land(opened, "probation", night, connect)
        assert caught.value.code == "FORBIDDEN"
        assert "resource violations" in caught.value.detail
        assert CANARY not in str(caught.value)
        assert len(pipeline.land(opened, "school", night, connect)) == 1
        (late,) = (n for n in opened.ledger.feed_nights(night) if n.status == "late")
        assert (late.feed, late.code) == ("probation", "FORBIDDEN")
        landing = opened.zones.landing
        assert not [p for p in (landing / "probation").rglob("*") if p.is_file()]
        assert [p for p in (landing / "school").rglob("receipt.json")]


def broken():
    return Response(
        b"{", headers={"Content-Length": "9"}, media_type="application/json"
    )


@pytest.mark.fault("T20", outcome="accepted")
def test_t20_a_body_that_breaks_off_is_asked_for_again(fetch):
    """A page breaks off in the middle: asked for again, no part of it is kept."""
    fetched, sink = fetch(Script(broken))
    assert fetched.rows_expected == ALL
    assert len(sink.rows("persons")) == 5


@pytest.mark.fault("T20", code="SHORT_BODY", outcome="refused")
def test_t20_a_body_that_always_breaks_off_is_an_error(fetch, sink):
    """A page breaks off every time: late, and nothing of it is kept."""
    script = Script(then=broken)
    assert failure(fetch, script).code == "SHORT_BODY"
    assert len(script.requests) == 1 + QUICK_HTTP["retries"]


@pytest.mark.fault("T21", code="DUPLICATE_PAGE", outcome="held")
def test_t21_the_same_page_under_two_addresses_is_held(fetch):
    """Page 1 comes again as page 2: held, as a real page 2 may be missing."""
    link = "/api/v1/persons?limit=2&offset=2"
    paging = {"total": 2, "next": link}
    script = Script(page(paging=paging), page(paging={**paging, "next": None}))
    error = failure(fetch, script, DeliveryHeld)
    assert error.code == "DUPLICATE_PAGE"
    assert "resource persons" in error.detail


@pytest.mark.fault("T21", code="COUNT_MISMATCH", outcome="held")
def test_t21_overlapping_pages_are_told_by_the_key(fetch):
    """Pages overlap by a row but add up to the total: held, as another row is lost."""
    rows = [{"id": f"{CANARY}{n}"} for n in range(3)]
    link = "/api/v1/persons?limit=2&offset=2"
    first = page(data=rows[:2], paging={"total": 4, "next": link})
    second = page(data=rows[1:], paging={"total": 4, "next": None})
    error = failure(fetch, Script(first, second), DeliveryHeld, keyPath="id")
    assert (error.code, error.counts) == ("COUNT_MISMATCH", {"expected": 4, "found": 3})


@pytest.mark.fault("T21", code="COUNT_MISMATCH", outcome="held")
def test_t21_pages_that_do_not_add_up_are_held(fetch):
    """Fewer rows than the stated total: held with both counts."""
    script = Script(page(paging={"total": 2, "next": None}))
    error = failure(fetch, script, DeliveryHeld)
    assert (error.code, error.counts) == ("COUNT_MISMATCH", {"expected": 2, "found": 1})


@pytest.mark.fault("T22", code="SNAPSHOT_MOVED", outcome="held")
def test_t22_a_total_that_changes_between_pages_is_held(fetch):
    """A row is added while pages are read: the total moves and the snapshot is held."""
    following = "/api/v1/persons?limit=2&offset=1"
    first = page(paging={"total": 2, "next": following})
    second = page(paging={"total": 3, "next": None})
    error = failure(fetch, Script(first, second), DeliveryHeld)
    assert error.code == "SNAPSHOT_MOVED"


@pytest.mark.fault("T23", code="PAGING_LOOP", outcome="refused")
def test_t23_a_page_that_names_itself_as_next_is_left(fetch):
    """The next link leads back to the same page: left at the second sight of it."""
    link = "/api/v1/persons?limit=2"
    script = Script(page(paging={"total": 9, "next": link}))
    assert failure(fetch, script).code == "PAGING_LOOP"
    assert len(script.requests) == 1


@pytest.mark.fault("T23", code="PAGING_LOOP", outcome="refused")
def test_t23_a_cursor_that_comes_again_is_left(fetch):
    """The cursor of an earlier page comes again: left, not followed for ever."""
    script = Script(
        *(page(data=[{"n": n}], paging={"total": 9, "next": "abc"}) for n in range(3))
    )
    assert failure(fetch, script, paging="cursor").code == "PAGING_LOOP"
    assert len(script.requests) == 2


@pytest.mark.fault("T24", code="OTHER_ORIGIN", outcome="refused")
@pytest.mark.parametrize(
    "link",
    [
        "{elsewhere}/api/v1/persons",
        "//{host}/api/v1/persons",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "http://127.0.0.1:1@{host}/",
        "http://{host}0000000/",
    ],
)
def test_t24_a_next_link_to_another_origin_is_refused(fetch, elsewhere, link):
    """The next link leads to another host, a metadata address or a file: refused."""
    host = elsewhere.origin.removeprefix("http://")
    link = link.format(elsewhere=elsewhere.origin, host=host)
    script = Script(page(paging={"total": 2, "next": link}))
    assert failure(fetch, script).code == "OTHER_ORIGIN"
    assert not elsewhere.was_called()


@pytest.mark.fault("T24", code="OTHER_ORIGIN", outcome="refused")
def test_t24_a_redirect_to_another_origin_is_refused(fetch, elsewhere):
    """A redirect leads to another host: refused before anything is sent there."""
    script = Script(RedirectResponse(elsewhere.origin + "/api/v1/persons"))
    assert failure(fetch, script).code == "OTHER_ORIGIN"
    assert not elsewhere.was_called()


@pytest.mark.fault("T24", code="PROTOCOL", outcome="refused")
def test_t24_a_token_endpoint_that_redirects_gets_no_secret(county, start, elsewhere):
    """The token endpoint redirects to another host: the secret is not sent on."""

    def intercept(feed, request):
        on_token = request.url.path == "/oauth/token"
        return RedirectResponse(elsewhere.origin) if on_token else None

    county.clock(county.night(0))
    with pytest.raises(TransportError, match="PROTOCOL"):
        start(intercept=intercept).fetch("probation", NIGHTS[0])
    assert not elsewhere.was_called()


KEY = "k-4711-secret"
BY_KEY = {"tokenPath": None, "apiKeyHeader": "X-Api-Key", "resources": ("persons",)}


def fetch_by_key(running, script, allowed=()):
    """Fetch from the probation office with an API key."""
    office = running.connections["probation"]
    extra = {**office.extra, "allowed_origins": allowed}
    keyed = replace(office, login=None, password=KEY, extra=extra)
    transport = running.transport("probation", keyed, **BY_KEY)
    (drop,) = transport.offered(None, NIGHTS[0])
    return transport.fetch(drop, MemorySink())


def test_an_api_key_logs_in_by_its_own_header(start):
    script = Script(page())
    running = start(intercept=script)
    assert fetch_by_key(running, script).rows_expected == {"persons": 1}
    (request,) = script.requests
    assert request.headers["x-api-key"] == KEY
    assert "authorization" not in request.headers


@pytest.mark.fault("T25", code="OTHER_ORIGIN", outcome="refused")
def test_t25_an_api_key_is_not_sent_after_a_redirect(start, elsewhere):
    """A redirect to another host, and the login is a key: refused, nothing is sent."""
    script = Script(RedirectResponse(elsewhere.origin + "/"))
    running = start(intercept=script)
    with pytest.raises(TransportError, match="OTHER_ORIGIN") as caught:
        fetch_by_key(running, script)
    assert not elsewhere.was_called()
    assert KEY not in repr(caught.value)


@pytest.mark.fault("T25", code="UNAUTHORIZED", outcome="refused")
@pytest.mark.parametrize("way", ["redirect", "link"])
def test_t25_not_even_an_allowed_host_is_sent_the_key(start, way):
    """A redirect or link to a host that the county allows: followed without the key."""
    heard = []

    def intercept(feed, request):
        if feed == "school":
            heard.append(dict(request.headers))
            return Response(status_code=401)
        return script(feed, request)

    running = start(intercept=intercept)
    other = running.connections["school"].origin
    if way == "redirect":
        script = Script(RedirectResponse(other + "/api/v1/persons"))
    else:
        script = Script(page(paging={"total": 2, "next": other + "/more"}))
    with pytest.raises(TransportError, match="UNAUTHORIZED"):
        fetch_by_key(running, script, allowed=[other])
    (headers,) = heard
    assert KEY not in json.dumps(headers)


@pytest.mark.fault("T25", code="UNAUTHORIZED", outcome="refused")
def test_t25_a_token_does_not_follow_a_redirect_to_an_allowed_host(county, start):
    """A redirect to a host that the county allows: followed without the token."""
    heard = []

    def intercept(feed, request):
        if feed == "school":
            heard.append(dict(request.headers))
            return Response(status_code=401)
        return script(feed, request)

    county.clock(county.night(0))
    running = start(intercept=intercept)
    office, other = running.connections["probation"], running.connections["school"]
    script = Script(RedirectResponse(other.origin + "/api/v1/persons"))
    extra = {**office.extra, "allowed_origins": [other.origin]}
    transport = running.transport("probation", replace(office, extra=extra))
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError, match="UNAUTHORIZED"):
        transport.fetch(drop, MemorySink())
    assert ["authorization" in headers for headers in heard] == [False]


def test_a_key_that_is_refused_is_tried_once(start):
    script = Script(then=Response(status_code=401))
    running = start(intercept=script)
    with pytest.raises(TransportError, match="UNAUTHORIZED"):
        fetch_by_key(running, script)
    assert len(script.requests) == 1


@pytest.mark.fault("T26", code="NOT_DATA", outcome="refused")
def test_t26_a_login_page_in_place_of_data_is_an_error(fetch):
    """An HTML login page comes with HTTP 200: refused by its content type."""
    answer = Response(f"<html>{CANARY}</html>", media_type="text/html")
    assert failure(fetch, Script(answer)).code == "NOT_DATA"


@pytest.mark.fault("T26", code="PROTOCOL", outcome="refused")
def test_t26_a_login_page_that_claims_to_be_json_is_an_error(fetch):
    """An HTML login page claims to be JSON: refused as it does not parse."""
    answer = Response(f"<html>{CANARY}</html>", media_type="application/json")
    assert failure(fetch, Script(answer)).code == "PROTOCOL"


def nested(levels):
    return b'{"data": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.fault("T27", code="PROTOCOL", outcome="refused")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"data": [{"name": "Zyxwvut"', "not valid JSON"),
        (b'{"data": [{"name": NaN, "x": "Zyxwvut"}]}', "not valid JSON"),
        (b'{"data": [{"name": Infinity}]}', "not valid JSON"),
        (b'{"data": [{"name": "a", "name": "Zyxwvut"}]}', "same key twice"),
        (b'{"data": [], "data": [{"name": "Zyxwvut"}]}', "same key twice"),
        (nested(200), "levels deep"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[]", "missing"),
        (b"{}", "not a count"),
    ],
    ids=[
        "cut", "nan", "infinity", "key-twice", "list-twice", "deep", "bottomless",
        "not-utf8", "empty", "list", "bare",
    ],
)  # fmt: skip
def test_t27_a_page_that_is_not_proper_json_is_refused(fetch, body, reason):
    """A page is cut, has NaN or a key twice, or is nested 200 deep: refused by code."""
    answer = Response(body, media_type="application/json")
    night = "as_of" if reason == "missing" else None
    error = failure(fetch, Script(answer), nightPath=night)
    assert error.code == "PROTOCOL"
    assert "resource persons" in error.detail
    assert reason in error.detail


def test_deep_nesting_within_reason_is_read(fetch):
    answer = JSONResponse({**PAGE, "data": [json.loads(nested(90))]})
    assert fetch(Script(answer))[0].rows_expected == {"persons": 1}
