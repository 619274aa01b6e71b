"""HTTP systems that throttle, expire, redirect, stall or answer nonsense."""

import asyncio
import time
from dataclasses import replace

import pytest
from starlette.responses import (
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from concord.exceptions import DataError, DeliveryHeld, DeliveryNotReady, TransportError
from concord.transport.http import HttpVisit
from concord.transport.oauth import client_secret
from concord.transport.registry import read_spec
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
PAGE = {
    "data": [{"name": "Zyxwvut"}],
    "paging": {"total": 1, "next": None},
    "as_of": "2026-01-05",
}


class Script:
    """Answers the n-th page request with the n-th entry; None lets it pass."""

    def __init__(self, *answers, then=None):
        self.answers = list(answers)
        self.then = then
        self.requests = []

    def __call__(self, feed, request):
        if not request.url.path.startswith("/api/"):
            return None
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else self.then
        return answer if isinstance(answer, Response | None) else answer()


@pytest.fixture
def fetch(county, start):
    """Fetch one resource of the probation feed through a script."""
    county.clock(county.night(0))

    def fetch_through(script, **spec):
        running = start(intercept=script)
        spec = {"resources": ("persons",), **spec}
        return running.fetch("probation", NIGHTS[0], **spec)

    return fetch_through


def failure(fetch, script, kind=TransportError, **spec):
    with pytest.raises(kind) as caught:
        fetch(script, **spec)
    assert "Zyxwvut" not in str(caught.value)
    return caught.value.code


def page(**changes):
    return JSONResponse({**PAGE, **changes})


def test_a_token_that_expires_between_pages_is_renewed_once(county, start):
    county.clock(county.night(0))
    script = Script(
        None, None, lambda: running.servers.tokens["probation"].revoke_all()
    )
    running = start(intercept=script)
    fetched, sink = running.fetch("probation", NIGHTS[0], resources=("persons",))
    assert fetched.rows_expected == {"persons": 5}
    assert len(sink.parts) == 3
    assert running.servers.tokens["probation"].granted == 2


def test_a_fresh_token_that_is_refused_as_well_is_an_error(county, start):
    county.clock(county.night(0))
    running = start(token_seconds=0)
    with pytest.raises(TransportError, match="UNAUTHORIZED"):
        running.fetch("probation", NIGHTS[0])
    assert running.servers.tokens["probation"].granted == 2


def test_a_token_is_renewed_before_it_expires(county, start):
    county.clock(county.night(0))
    script, clock = Script(), Clock()
    running = start(intercept=script)
    spec = read_spec(
        "probation", {**SPECS["probation"], **QUICK_HTTP, "deadlineSeconds": 900}
    )
    probation = running.connections["probation"]
    with HttpVisit("probation", probation, spec, clock=clock) as v:
        v.log_in_with(client_secret("/oauth/token"))
        for seconds in (0, 279, 2):
            clock.now += seconds
            assert v.get("/api/v1/persons", "persons").status == 200
    used = [request.headers["authorization"] for request in script.requests]
    assert (used[0] == used[1], used[1] == used[2]) == (True, False)


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_a_wrong_secret_is_tried_once_and_never_shown(county, start):
    county.clock(county.night(0))
    running = start()
    wrong = replace(running.connections["probation"], password="wrong-secret")
    transport = running.transport("probation", wrong)
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError) as caught:
        transport.fetch(drop, MemorySink())
    assert caught.value.code == "LOGIN_REFUSED"
    assert "wrong-secret" not in repr(caught.value) + repr(wrong)
    assert running.servers.logins["probation"].attempts == 1


def test_retry_after_is_honoured(fetch):
    wait = Response(status_code=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    fetched, _ = fetch(Script(wait))
    assert fetched.rows_expected == {"persons": 5}
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_capped_and_then_given_up(fetch, status):
    wait = Response(status_code=status, headers={"Retry-After": "999999"})
    script = Script(then=wait)
    assert failure(fetch, script, retryAfterMaxSeconds=0) == "THROTTLED"
    assert len(script.requests) == 1 + QUICK_HTTP["retries"]


def test_a_retry_after_that_is_garbage_is_an_error(fetch):
    wait = Response(status_code=429, headers={"Retry-After": "soon"})
    assert failure(fetch, Script(wait)) == "PROTOCOL"


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
def test_a_next_link_to_another_origin_is_refused(fetch, elsewhere, link):
    host = elsewhere.origin.removeprefix("http://")
    link = link.format(elsewhere=elsewhere.origin, host=host)
    script = Script(page(paging={"total": 2, "next": link}))
    assert failure(fetch, script) == "OTHER_ORIGIN"
    assert not elsewhere.was_called()


def test_a_redirect_to_another_origin_is_refused(fetch, elsewhere):
    script = Script(RedirectResponse(elsewhere.origin + "/api/v1/persons"))
    assert failure(fetch, script) == "OTHER_ORIGIN"
    assert not elsewhere.was_called()


def test_a_redirect_on_the_same_origin_is_followed(fetch):
    script = Script(RedirectResponse("/api/v1/persons?limit=500&offset=0"))
    assert fetch(script)[0].rows_expected == {"persons": 5}


def test_redirects_without_end_are_left(fetch):
    script = Script(then=RedirectResponse("/api/v1/persons"))
    assert failure(fetch, script) == "PROTOCOL"


def test_a_token_endpoint_that_redirects_gets_no_secret(county, start, elsewhere):
    def intercept(feed, request):
        on_token = request.url.path == "/oauth/token"
        return RedirectResponse(elsewhere.origin) if on_token else None

    county.clock(county.night(0))
    with pytest.raises(TransportError, match="PROTOCOL"):
        start(intercept=intercept).fetch("probation", NIGHTS[0])
    assert not elsewhere.was_called()


def test_an_origin_that_the_connection_allows_may_be_followed(county, start):
    county.clock(county.night(0))
    script = Script()
    running = start(intercept=script)
    probation, school = (running.connections[f] for f in ("probation", "school"))
    script.answers = [RedirectResponse(school.origin + "/")]
    extra = {**probation.extra, "allowed_origins": [school.origin]}
    transport = running.transport("probation", replace(probation, extra=extra))
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError, match="as_of is missing"):
        transport.fetch(drop, MemorySink())


def test_a_page_that_names_itself_as_next_is_left(fetch):
    link = "/api/v1/persons?limit=2&offset=0"
    script = Script(page(paging={"total": 9, "next": link}))
    assert failure(fetch, script) == "PAGING_LOOP"


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"data": NaN}', b"[" * 100_000, b"\xff\xfe", b"", b"[]", b"{}"],
    ids=["cut", "nan", "deep", "not-utf8", "empty", "list", "bare"],
)
def test_an_answer_that_is_not_as_agreed_is_an_error(fetch, body):
    answer = Response(body, media_type="application/json")
    assert failure(fetch, Script(answer), nightPath=None) == "PROTOCOL"


def test_a_login_page_in_place_of_data_is_an_error(fetch):
    answer = Response("<html>Zyxwvut</html>", media_type="text/html")
    assert failure(fetch, Script(answer)) == "NOT_DATA"


@pytest.mark.parametrize(
    ("status", "code"), [(403, "FORBIDDEN"), (404, "NOT_FOUND"), (500, "HTTP_STATUS")]
)
def test_a_refusal_is_named_without_the_servers_words(fetch, status, code):
    answer = Response("Zyxwvut", status_code=status)
    assert failure(fetch, Script(answer)) == code


def test_pages_that_do_not_add_up_are_held(fetch):
    script = Script(page(paging={"total": 2, "next": None}))
    assert failure(fetch, script, DeliveryHeld) == "COUNT_MISMATCH"


def test_a_total_that_changes_between_pages_is_held(fetch):
    following = "/api/v1/persons?limit=2&offset=1"
    first = page(paging={"total": 2, "next": following})
    second = page(paging={"total": 3, "next": None})
    assert failure(fetch, Script(first, second), DeliveryHeld) == "SNAPSHOT_MOVED"


def test_yesterdays_snapshot_is_not_ready(fetch):
    answer = page(as_of="2026-01-04")
    assert failure(fetch, Script(answer), DeliveryNotReady) == "NOT_READY"


def test_tomorrows_snapshot_is_refused(fetch):
    assert failure(fetch, Script(page(as_of="2026-01-06"))) == "NIGHT_PASSED"


def test_a_snapshot_that_does_not_say_of_when_is_an_error(fetch):
    assert failure(fetch, Script(page(as_of="tonight"))) == "PROTOCOL"


def broken():
    return Response(
        b"{", headers={"Content-Length": "9"}, media_type="application/json"
    )


def test_a_body_that_breaks_off_is_asked_for_again(fetch):
    assert fetch(Script(broken))[0].rows_expected == {"persons": 5}


def test_a_body_that_always_breaks_off_is_an_error(fetch):
    assert failure(fetch, Script(then=broken)) == "SHORT_BODY"


def test_more_bytes_than_allowed_are_not_read(fetch):
    assert failure(fetch, Script(), maxBytes=50) == "TOO_LARGE"


async def trickle():
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.05)


def test_a_trickle_ends_at_the_deadline(fetch):
    script = Script(lambda: StreamingResponse(trickle(), media_type="application/json"))
    began = time.monotonic()
    assert failure(fetch, script, deadlineSeconds=0.4) == "DEADLINE"
    assert time.monotonic() - began < 2


def test_a_server_that_stops_sending_times_out(fetch):
    script = Script(lambda: StreamingResponse(stall(), media_type="application/json"))
    assert failure(fetch, script, timeoutSeconds=0.3) == "TIMEOUT"


async def stall():
    yield b"{"
    await asyncio.sleep(3)


def test_a_server_that_never_answers_times_out(fetch):
    def intercept(feed, request):
        return time.sleep(0.3) if request.url.path.startswith("/api/") else None

    code = failure(fetch, intercept, timeoutSeconds=0.1, retries=0)
    assert code == "TIMEOUT"


def test_a_server_that_is_down_is_unreachable(start):
    running = start()
    nowhere = replace(running.connections["probation"], port=1)
    transport = running.transport("probation", nowhere)
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(DataError, match="UNREACHABLE"):
        transport.fetch(drop, MemorySink())


def test_plain_http_where_tls_is_expected_is_refused(start):
    running = start()
    tls = replace(running.connections["probation"], extra={})
    transport = running.transport("probation", tls)
    (drop,) = transport.offered(None, NIGHTS[0])
    with pytest.raises(TransportError, match="TLS_REFUSED"):
        transport.fetch(drop, MemorySink())
