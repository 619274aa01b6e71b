"""A tiny county on disk, clients of its four servers, and a sink in memory."""

import hashlib
import json
import socket
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from concord.transport.base import Connection, Fetched, Part, StoredPart, Transport
from concord.transport.registry import open_transport, read_spec
from simulator.connections import connections
from simulator.servers import AgencyServers, set_night

NIGHTS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
TABLES = ("person", "incident")
RESOURCES = ("persons", "supervision-periods", "violations")
SPECS: dict[str, dict[str, Any]] = {
    "police_rms": {"kind": "sftp", "path": "/", "tables": TABLES},
    "probation": {
        "kind": "rest",
        "basePath": "/api/v1",
        "tokenPath": "/oauth/token",
        "nightPath": "as_of",
        "resources": RESOURCES,
        "pageSize": 2,
    },
    "school": {"kind": "edfi", "resources": ("students",), "pageSize": 2},
    "hospital": {
        "kind": "fhir_bulk",
        "group": "springfield",
        "types": ("Patient", "Encounter"),
    },
    "drop": {
        "kind": "folder",
        "path": "/",
        "tables": TABLES,
        "complete": "stable",
        "files": {"person": "person*", "incident": "incident*"},
    },
    "database": {
        "kind": "database",
        "tables": {"person": {"from": "rms.person", "columns": ["person_id"]}},
    },
}
QUICK = {"timeoutSeconds": 5, "deadlineSeconds": 20}
QUICK_HTTP = {**QUICK, "retries": 2, "backoffSeconds": 0.01}


class MemorySink:
    """Keeps the parts of a delivery in memory."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.parts: list[Part] = []

    def store(self, part: Part, stream: BinaryIO) -> StoredPart:
        body = stream.read()
        assert part.name not in self.bytes
        self.bytes[part.name] = body
        self.parts.append(part)
        digest = hashlib.sha256(body).hexdigest()
        return StoredPart(part.name, part.table, part.role, digest, len(body))

    def discard(self) -> None:
        self.bytes.clear()
        self.parts.clear()

    def rows(self, table: str, role: str = "rows") -> list[Any]:
        """Return the JSON rows of a table's pages or files, in order."""
        found: list[Any] = []
        for part in self.parts:
            if (part.table, part.role) == (table, role):
                for document in _documents(part, self.bytes[part.name]):
                    rows = document.get("data") if "data" in document else [document]
                    found.extend(rows)
        return found


def _documents(part: Part, body: bytes) -> list[Any]:
    if part.name.endswith(".ndjson"):
        return [json.loads(line) for line in body.splitlines()]
    document = json.loads(body)
    return document if isinstance(document, list) else [document]


class County:
    """Writes small night folders as the simulator would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.served = root / "served"

    def police(
        self,
        night: date,
        files: dict[str, bytes],
        changes: dict[str, Any] | None = None,
    ) -> Path:
        folder = self.served / "police_rms" / f"{night:%Y%m%d}"
        folder.mkdir(parents=True)
        listed = []
        for table, body in files.items():
            name = f"police_rms_{table}_{night:%Y%m%d}T020000Z.csv"
            (folder / name).write_bytes(body)
            digest = hashlib.sha256(body).hexdigest()
            rows = max(0, body.count(b"\n") - 1)
            listed.append(
                {
                    "name": name,
                    "table": table,
                    "rows": rows,
                    "bytes": len(body),
                    "sha256": digest,
                }
            )
        manifest = {
            "source": "police_rms",
            "schema_version": "1.0.0",
            "window": {"full": True},
            "files": listed,
            **(changes or {}),
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def ndjson(self, feed: str, night: date, name: str, rows: list[Any]) -> None:
        folder = self.served / feed / night.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.ndjson").write_text(lines)

    def night(self, number: int) -> date:
        """Write one night of every feed: the first has five of all, the next few."""
        night = NIGHTS[number]
        start = f"{NIGHTS[max(0, number - 1)]}T02:00:00"
        window = {"full": True} if number == 0 else {"from": start, "to": "x"}
        person = b'person_id,last_name\nP%d,"O""Neil, Smith"\n' % number
        files = {"person": person, "incident": b"incident_id\n"}
        self.police(night, files, {"window": window})
        for resource in RESOURCES:
            rows = [{"id": f"{resource}{n}"} for n in range(5 + number)]
            self.ndjson("probation", night, resource, rows)
        first = 100 * number + 1
        count = 5 if number == 0 else 1
        students = [
            {"id": f"{n:032x}", "studentUniqueId": f"S{n}", "_changeVersion": n}
            for n in range(first, first + count)
        ]
        self.ndjson("school", night, "students", students)
        patients = [
            {"resourceType": "Patient", "id": f"p{first + n}"} for n in range(count)
        ]
        self.ndjson("hospital", night, "Patient", patients)
        self.ndjson("hospital", night, "Encounter", [])
        if number:
            gone = {"id": f"{1:032x}", "changeVersion": first + 50, "keyValues": {}}
            self.ndjson("school", night, "students.deletes", [gone])
            request = {"method": "DELETE", "url": "Patient/p1"}
            bundle = {"resourceType": "Bundle", "entry": [{"request": request}]}
            self.ndjson("hospital", night, "deleted", [bundle])
        return night

    def clock(self, night: date) -> None:
        set_night(self.root, night)


class Running:
    """Running servers, and transports that fetch from them."""

    def __init__(self, servers: AgencyServers) -> None:
        self.servers = servers
        self.connections = connections(servers.state)

    def transport(
        self, feed: str, connection: Connection | None = None, **spec: Any
    ) -> Transport:
        quick = QUICK_HTTP
        checked = read_spec(feed, {**SPECS[feed], **quick, **spec})
        return open_transport(feed, checked, connection or self.connections[feed])

    def fetch(
        self, feed: str, night: date, cursor: str | None = None, **spec: Any
    ) -> tuple[Fetched, MemorySink]:
        transport, sink = self.transport(feed, **spec), MemorySink()
        (drop,) = transport.offered(cursor, night)
        return transport.fetch(drop, sink), sink


class Eavesdropper:
    """Another host, which records what it is sent; nothing should be."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def was_called(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
