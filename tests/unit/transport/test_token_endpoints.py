"""Token endpoints as they are found: what they grant, and how they refuse."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from concord.exceptions import ContractError
from concord.transport.base import Connection
from concord.transport.registry import open_transport, read_spec
from tests.support.scripts import CANARY, failure
from tests.support.small_county import NIGHTS, QUICK_HTTP, SPECS, MemorySink

pytestmark = pytest.mark.enable_socket
PAGE = {"data": [{"id": "P1"}], "paging": {"total": 1, "next": None}}


class System:
    """Answers logins as a test says, and every page whoever asks for it."""

    def __init__(self, answer):
        self.answer = answer
        self.headers = []

    def __call__(self, feed, request):
        if request.url.path == "/oauth/token":
            return self.answer(request)
        self.headers.append(request.headers.get("authorization"))
        return JSONResponse(PAGE)


def granted(**changes):
    token = {"access_token": "t0ken", "token_type": "bearer", "expires_in": 3600}
    token |= changes
    return {name: value for name, value in token.items() if value != "absent"}


@pytest.mark.parametrize(
    "token",
    [
        granted(),
        granted(token_type="Bearer", scope="", refresh_token=None),
        granted(expires_in="3600"),
        granted(expires_in="absent"),
        granted(expires_in=None),
        granted(expires_in=1),
        granted(token_type="absent"),
    ],
)
def test_a_token_is_taken_whatever_stands_beside_it(fetch, token):
    system = System(lambda _request: JSONResponse(token))
    assert fetch(system, nightPath=None)[0].rows_expected == {"persons": 1}
    assert system.headers == ["Bearer t0ken"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status_code=401), "LOGIN_REFUSED"),
        (Response(f"<p>{CANARY}", 403, media_type="text/html"), "LOGIN_REFUSED"),
        (PlainTextResponse(CANARY, 400), "LOGIN_REFUSED"),
        (JSONResponse({"error": "invalid_client"}, 401), "LOGIN_REFUSED"),
        (JSONResponse({"error": CANARY}), "LOGIN_REFUSED"),
        (Response(CANARY, media_type="text/html"), "PROTOCOL"),
        (JSONResponse({"token": CANARY}), "PROTOCOL"),
        (JSONResponse(granted(expires_in=CANARY)), "PROTOCOL"),
        (Response(status_code=503), "THROTTLED"),
    ],
)
def test_a_refusal_is_one_in_whatever_words(fetch, answer, code):
    system = System(lambda _request: answer)
    assert failure(fetch, system, nightPath=None).code == code
    assert system.headers == []


@pytest.fixture
def asked():
    """Serve a token endpoint and one page; returns its connection and the forms."""
    forms = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep quiet."""

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            forms.append(parse_qs(body.decode()))
            self._send(granted())

        def do_GET(self):
            self._send(PAGE)

        def _send(self, content):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        connection = Connection(
            "127.0.0.1", server.server_port, "us", "secret", {"schema": "http"}
        )
        yield connection, forms
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("spec", "scope"),
    [
        ({}, None),
        ({"scope": "roster.readonly gradebook"}, ["roster.readonly gradebook"]),
    ],
)
def test_a_scope_is_asked_for_where_the_contract_names_one(asked, spec, scope):
    """As OneRoster wants it."""
    connection, forms = asked
    told = {**SPECS["probation"], **QUICK_HTTP, "resources": ["persons"], **spec}
    checked = read_spec("probation", {**told, "nightPath": None})
    transport = open_transport("probation", checked, connection)
    (drop,) = transport.offered(None, NIGHTS[0])
    transport.fetch(drop, MemorySink())
    (form,) = forms
    assert (form["grant_type"], form.get("scope")) == (["client_credentials"], scope)


@pytest.mark.parametrize("scope", ["", " a", "a\nb", "é"])
def test_a_scope_that_no_server_can_read_is_refused(scope):
    with pytest.raises(ContractError, match=r"transport\.scope"):
        read_spec("probation", {**SPECS["probation"], "scope": scope})
