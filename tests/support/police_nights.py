"""Nights of a small police department: real contract, real SFTP server, few rows.

Each person that is delivered has one incident and is its victim, so that a night's
rows can be recognised in what is published.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from concord import pipeline
from concord.contracts.models import Contract, Table
from concord.transport.base import Connection, Transport
from concord.transport.registry import open_transport, read_spec
from concord.validation.states import StateStore
from tests.support.small_county import County as Served

FEED = "police_rms"
FIRST = date(2026, 1, 5)
QUICK = {"timeoutSeconds": 5, "deadlineSeconds": 20}


def nth(number: int) -> date:
    """Return the night of a number; the first has 0."""
    return FIRST + timedelta(days=number)


class Police:
    """Writes night folders as the contract wants them."""

    def __init__(self, served: Served, contract: Contract) -> None:
        self.served = served
        self.contract = contract

    def deliver(
        self,
        night: date,
        persons: Iterable[int],
        *,
        since: date | None = None,
        pack: Callable[[bytes], bytes] | None = None,
        clearance: str = "",
    ) -> Path:
        """Write a night's folder: changes since a night, or everything."""
        numbers = list(persons)
        rows = {
            table.source: _csv(table, [_row(n, night, clearance) for n in numbers])
            for table in self.contract.tables
        }
        empty = {"offense", "arrest"}
        files = {
            name: _csv(self.contract.table(name), []) if name in empty else body
            for name, body in rows.items()
        }
        lines = {name: body.count(b"\n") - 1 for name, body in files.items()}
        if pack is not None:
            files = {name: pack(body) for name, body in files.items()}
        window = {"from": f"{since}T02:00:00"} if since else {"full": True}
        folder = self.served.police(night, files, {"window": window})
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for file in manifest["files"]:
            file["rows"] = lines[file["table"]]  # of what is packed, not of its bytes
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder


def repacked(level: int) -> Callable[[bytes], bytes]:
    """Return a packing whose bytes depend on the level, but not what they hold."""
    return lambda body: gzip.compress(body, compresslevel=level, mtime=level)


def _row(number: int, night: date, clearance: str) -> dict[str, str]:
    return {
        "person_id": f"MN{number:08d}",
        "last_name": f"NUMBER{number}",
        "incident_id": f"IN{number:08d}",
        "ori": "IL0840100",
        "case_number": f"26-{number:07d}",
        "occurred_at": f"{night}T01:00:00",
        "reported_at": f"{night}T01:00:00",
        "clearance": clearance,
        "street": f"{number + 1} MAIN ST",
        "city": "SPRINGFIELD",
        "state": "IL",
        "zip": "62704",
        "role": "victim",
        "seq": "1",
        "updated_at": f"{night}T01:30:00",
        "action": "I",
    }


def _csv(table: Table, rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    columns = [column.source for column in table.columns]
    writer = csv.DictWriter(
        text, columns, restval="", extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def transports(connection: Connection) -> Callable[[Contract], Transport]:
    """Return what opens the feed's transport, as the DAG's task does."""

    def connect(contract: Contract) -> Transport:
        spec = read_spec(contract.id, {**contract.transport, **QUICK})
        return open_transport(contract.id, spec, connection)

    return connect


def with_delivery(county: pipeline.County, **agreed: object) -> pipeline.County:
    """Return the county with something else agreed about the police's deliveries."""
    contract = county.registry.contract(FEED)
    delivery = contract.delivery.model_copy(update=agreed)
    transport = {**contract.transport, "records": "uncounted"}
    changed = contract.model_copy(update={"delivery": delivery, "transport": transport})
    contracts = {**county.registry.contracts, FEED: changed}
    return replace(county, registry=replace(county.registry, contracts=contracts))


def content(county: pipeline.County, night: date, table: str) -> pa.Table:
    """Return a content table of the state that holds on a night."""
    state = county.ledger.state_as_of(FEED, night)
    store = StateStore(county.zones, county.keys, FEED)
    return store.read_content(state.state_id, table)


def incidents(county: pipeline.County, night: date) -> list[int]:
    """Return the numbers of the incidents that hold on a night."""
    ids = content(county, night, "incident")["incident_id"].to_pylist()
    return sorted(int(each.removeprefix("IN")) for each in ids)
