"""How a visit logs in, follows redirects, and names what it cannot use."""

import asyncio
import time
from dataclasses import replace

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from concord.exceptions import DeliveryNotReady, TransportError
from concord.transport.http import HttpVisit
from concord.transport.oauth import client_secret
from concord.transport.registry import read_spec
from tests.support.scripts import Script, failure, page
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket


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


def test_a_redirect_on_the_same_origin_is_followed(fetch):
    script = Script(RedirectResponse("/api/v1/persons?limit=500&offset=0"))
    assert fetch(script)[0].rows_expected == {"persons": 5}


def test_redirects_without_end_are_left(fetch):
    script = Script(then=RedirectResponse("/api/v1/persons"))
    assert failure(fetch, script).code == "PROTOCOL"


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


@pytest.mark.parametrize(("status", "code"), [(404, "NOT_FOUND"), (500, "HTTP_STATUS")])
def test_a_refusal_is_named_without_the_servers_words(fetch, status, code):
    answer = Response("Zyxwvut", status_code=status)
    assert failure(fetch, Script(answer)).code == code


def test_yesterdays_snapshot_is_not_ready(fetch):
    answer = page(as_of="2026-01-04")
    assert failure(fetch, Script(answer), DeliveryNotReady).code == "NOT_READY"


def test_tomorrows_snapshot_is_refused(fetch):
    assert failure(fetch, Script(page(as_of="2026-01-06"))).code == "NIGHT_PASSED"


def test_a_snapshot_that_does_not_say_of_when_is_an_error(fetch):
    assert failure(fetch, Script(page(as_of="tonight"))).code == "PROTOCOL"


async def trickle():
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.05)


def test_a_trickle_ends_at_the_deadline(fetch):
    script = Script(lambda: StreamingResponse(trickle(), media_type="application/json"))
    began = time.monotonic()
    assert failure(fetch, script, deadlineSeconds=0.4).code == "DEADLINE"
    assert time.monotonic() - began < 2


def test_a_server_that_stops_sending_times_out(fetch):
    script = Script(lambda: StreamingResponse(stall(), media_type="application/json"))
    assert failure(fetch, script, timeoutSeconds=0.3).code == "TIMEOUT"


async def stall():
    yield b"{"
    await asyncio.sleep(3)


def test_a_server_that_never_answers_times_out(fetch):
    def intercept(feed, request):
        return time.sleep(0.3) if request.url.path.startswith("/api/") else None

    assert failure(fetch, intercept, timeoutSeconds=0.1, retries=0).code == "TIMEOUT"
