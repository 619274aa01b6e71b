"""A Prism mock of the Ed-Fi specification, behind a front that lends it its doors.

Prism knows the data paths of the specification and nothing else. The front answers the
discovery document, the token endpoint and the change versions, which the specification
leaves out, adds ``Total-Count``, and hands everything else to Prism as it came.
"""

import base64
import json
import lzma
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROJECT = Path(__file__).resolve().parents[2]
PRISM = PROJECT / "tests/support/prism/node_modules/@stoplight/prism-cli/dist/index.js"
SPECIFICATION = (
    PROJECT.parent / "shared/data/school_edfi_openapi53/edfi_ods_v5.3_swagger2.json.xz"
)
LOGIN, SECRET, TOKEN = "mock-key", "mock-secret", "mock-token"
DATA = "/data/v3"
READY_SECONDS = 30


def missing() -> str | None:
    """Return what this machine lacks for the mock, if anything."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not PRISM.is_file():
        return "Prism is not installed: npm install --prefix tests/support/prism"
    if not SPECIFICATION.is_file():
        return "../shared/data/school_edfi_openapi53 is not there"
    return None


@dataclass
class Asked:
    """A request for data that reached Prism, and what Prism thought of it."""

    path: str
    query: dict[str, str]
    status: int
    violations: str | None


@dataclass
class Front:
    """What stands before Prism; ``prefer`` asks it for another answer."""

    prism_port: int
    prefer: str | None = None
    newest: int = 7
    asked: list[Asked] = field(default_factory=list)
    port: int = 0


@contextmanager
def prism(folder: Path) -> Iterator[int]:
    """Run Prism on a free port of this machine until the block ends."""
    document = folder / "edfi.json"
    document.write_bytes(lzma.decompress(SPECIFICATION.read_bytes()))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node", str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port)]
    log = folder / "prism.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [*command, "--seed", "concord", str(document)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(port, running, log)
            yield port
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait(10)


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends_at and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Prism did not start: {log.read_text()[-2000:]}")


@contextmanager
def front(prism_port: int) -> Iterator[Front]:
    """Run the front on a free port of this machine until the block ends."""
    state = Front(prism_port)

    class Handler(_Handler):
        front = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    front: Front

    def do_GET(self) -> None:
        """Answer what Prism does not know, and ask Prism the rest."""
        parts = urlsplit(self.path)
        base = f"http://127.0.0.1:{self.front.port}"
        if parts.path == "/":
            urls = {"oauth": f"{base}/oauth/token", "dataManagementApi": base + DATA}
            self._json({"version": "5.3", "urls": urls})
        elif parts.path == "/changeQueries/v1/availableChangeVersions":
            newest = self.front.newest
            self._json({"OldestChangeVersion": 0, "NewestChangeVersion": newest})
        else:
            self._ask_prism(parts.path.removeprefix(DATA), parts.query)

    def do_POST(self) -> None:
        """Grant a token as RFC 6749 says, or refuse it."""
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        basic = base64.b64encode(f"{LOGIN}:{SECRET}".encode()).decode()
        granted = self.headers.get("Authorization") == f"Basic {basic}" and parse_qs(
            sent.decode()
        ).get("grant_type") == ["client_credentials"]
        if granted:
            token = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 900}
            self._json(token)
        else:
            self._json({"error": "invalid_client"}, status=401)

    def _ask_prism(self, path: str, query: str) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        if self.front.prefer:
            headers["Prefer"] = self.front.prefer
        connection = HTTPConnection("127.0.0.1", self.front.prism_port, timeout=20)
        connection.request("GET", f"{path}?{query}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        params = {name: values[0] for name, values in parse_qs(query).items()}
        violations = answer.getheader("sl-violations")
        self.front.asked.append(Asked(path, params, answer.status, violations))
        counted = answer.status == 200 and params.get("totalCount") == "true"
        more = {"Total-Count": str(len(json.loads(body)))} if counted else {}
        kind = answer.getheader("Content-type", "application/json")
        self._send(answer.status, body, {"Content-Type": kind, **more})

    def _json(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self._send(status, body, {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
