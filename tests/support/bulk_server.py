"""A small FHIR bulk data server of its own making, on loopback, for every edition.

It shares no code with the simulator, so that client and simulator can't agree on
something that the specification does not say.
"""

import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from concord.transport.base import Connection

TIME = "2026-01-05T08:00:00.123Z"


@dataclass
class Bulk:
    """What the server has and how it behaves; filled with what it is asked."""

    files: dict[str, bytes]
    deleted: bytes = b""
    deleted_count: int | None = None
    edition: str = "STU2"
    files_a_part: int = 0
    polls: int = 1
    relative: bool = False
    zipped: bool = True
    counts: bool = True
    polite: bool = True
    media_type: str | None = "application/fhir+ndjson"
    manifest_type: str = "application/json"
    mark: bytes = b""
    lists_empty: bool = True
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    started: int = 0
    polled: threading.Event = field(default_factory=threading.Event)

    def paths(self, method):
        return [path for verb, path, _, _ in self.requests if verb == method]


class BulkServer:
    """Serves while the ``with`` block lasts."""

    def __init__(self, bulk):
        self.bulk = bulk
        handler = type("Handler", (_Handler,), {"bulk": bulk})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def connection(self):
        port = self._server.server_address[1]
        return Connection("127.0.0.1", port, extra={"schema": "http"})


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    bulk: Bulk
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Keep quiet."""

    def do_GET(self):
        path = self._record(b"")
        if path.endswith("$export"):
            asked = parse_qs(urlsplit(self.path).query)
            types = asked.get("_type", [""])[0].split(",")
            allowed = self.bulk.edition != "STU4"
            self._start(types if allowed else None)
        elif path.startswith("/r4/status/"):
            self._status(path.removeprefix("/r4/status/"))
        elif path.startswith("/r4/files/"):
            self._file(path.removeprefix("/r4/files/"))
        else:
            self._send(404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._record(body)
        asked = json.loads(body)
        types = [p["valueString"] for p in asked["parameter"] if p["name"] == "_type"]
        if self.bulk.edition != "STU4":
            types = types[0].split(",")
        right = asked["resourceType"] == "Parameters" and self.bulk.edition != "STU1"
        self._start(types if right else None)

    def do_DELETE(self):
        job = self._record(b"").rsplit("/", 1)[1]
        self._send(202 if self.bulk.jobs.pop(job, None) is not None else 404, b"")

    def _record(self, body):
        named = {name.lower(): text for name, text in self.headers.items()}
        self.bulk.requests.append((self.command, self.path, named, body))
        return urlsplit(self.path).path

    def _start(self, types):
        right = (
            self.headers["Accept"] == "application/fhir+json"
            and self.headers["Prefer"] == "respond-async"
        )
        if types is None or not right or set(types) - set(self.bulk.files):
            self._send(400, b"")
            return
        self.bulk.started += 1
        job = f"job{self.bulk.started}"
        self.bulk.jobs[job] = self.bulk.polls
        base = "" if self.bulk.relative else self._origin
        self._send(202, b"", **{"content-location": f"{base}/r4/status/{job}"})

    @property
    def _origin(self):
        return f"http://{self.headers['Host']}"

    def _status(self, rest):
        job, _, part = rest.partition("/")
        self.bulk.polled.set()
        if job not in self.bulk.jobs:
            self._send(404, b"")
        elif self.bulk.jobs[job]:
            self.bulk.jobs[job] -= 1
            wait = {"RETRY-AFTER": "0", "x-progress": "so so"}
            self._send(202, b"", **(wait if self.bulk.polite else {}))
        else:
            body = json.dumps(self._manifest(job, int(part or 0))).encode()
            headers = {"Content-Type": self.bulk.manifest_type}
            self._send(200, self.bulk.mark + body, **headers)

    def _manifest(self, job, part):
        base = f"../files/{job}" if self.bulk.relative else f"{self._origin}/r4/files"
        found = self.bulk.files.items()
        listed = [(t, body) for t, body in found if body or self.bulk.lists_empty]
        size = self.bulk.files_a_part or len(listed) or 1
        names = listed[part * size : (part + 1) * size]
        parts = -(-len(listed) // size)
        output = [
            {"type": type_, "url": f"{base}/{type_}"}
            | ({"count": body.count(b"\n")} if self.bulk.counts else {})
            for type_, body in names
        ]
        told = {"transactionTime": TIME, "requiresAccessToken": False, "output": output}
        stu4 = self.bulk.edition == "STU4"
        told["outcome" if stu4 else "error"] = []
        if self.bulk.deleted and part == 0:
            told["deleted"] = [{"url": f"{base}/deleted"}]
            told["deleted"][0] |= {} if stu4 else {"type": "Bundle"}
            if self.bulk.deleted_count is not None:
                told["deleted"][0]["count"] = self.bulk.deleted_count
        if not stu4:
            told["request"] = f"{self._origin}/r4/$export"
        if part + 1 < parts:
            url = f"{self._origin}/r4/status/{job}/{part + 1}"
            told["link"] = [{"relation": "self", "url": "x"}]
            told["link"].append({"relation": "next", "url": url})
        return told

    def _file(self, name):
        name = name.rsplit("/", 1)[-1]
        body = self.bulk.deleted if name == "deleted" else self.bulk.files[name]
        headers = {"Content-Type": self.bulk.media_type} if self.bulk.media_type else {}
        if self.bulk.zipped and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
        self._send(200, body, **headers)

    def _send(self, status, body, **headers):
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
