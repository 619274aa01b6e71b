"""A feed of two tables in a county of its own, whose contract a test may bend.

``Clinic`` lands deliveries made of plain rows and checks them as a night does.
"""

import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from concord import pipeline
from concord.landing.archive import Archive
from concord.landing.history import Healing
from concord.landing.records import Delivery, TableCount
from concord.pipeline.county import County
from concord.settings import PROJECT, Settings
from concord.transport.base import Drop, Fetched, Part
from concord.validation.feed_check import CheckResult
from concord.validation.quarantine import Quarantine
from concord.validation.states import StateStore

FEED = "clinic"
MONDAY = date(2026, 1, 5)
Rows = Sequence[Mapping[str, Any]]


def night(number: int) -> date:
    """Return the night so many days after the first, which is a Monday."""
    return MONDAY + timedelta(days=number)


def client(number: int, **changes: Any) -> dict[str, Any]:
    """Make a client as the clinic's system writes one."""
    return {
        "client_id": f"C{number:05d}",
        "first_name": "Ada",
        "last_name": f"Quayle{number}",
        "birth_date": f"19{50 + number % 50}-04-{1 + number % 28:02d}",
        "sex": "Female" if number % 2 else "Male",
        **changes,
    }


def visit(number: int, client_number: int | None = None, **changes: Any) -> dict:
    """Make a visit as the clinic's system writes one."""
    return {
        "visit_id": f"V{number:05d}",
        "client_id": f"C{number if client_number is None else client_number:05d}",
        "clinic": "CLINIC-1",
        "came_at": f"2026-01-{1 + number % 4:02d}T{number % 24:02d}:30:00",
        "kind": "WALK_IN" if number % 3 else "REFERRED",
        "minutes": 10 + number % 7,
        **changes,
    }


def _column(
    name: str, kind: str, concept: str, *, key: bool = False, **more: Any
) -> dict[str, Any]:
    custom = {"concept": concept, **more.pop("custom", {})}
    entry = {
        "name": name,
        "physicalName": name,
        "logicalType": kind,
        "classification": "restricted",
        "description": f"The column {name} of the clinic.",
        "customProperties": [
            {"property": p, "value": value} for p, value in custom.items()
        ],
        **more,
    }
    if key:
        entry |= {"required": True, "primaryKey": True, "primaryKeyPosition": 1}
    return entry


def _tables(marks: Sequence[dict[str, Any]], deletes: Mapping[str, Any]) -> list[dict]:
    person = [
        _column("client_id", "string", "person.source_id", key=True),
        _column("first_name", "string", "person.first_name"),
        _column("last_name", "string", "person.last_name", required=True),
        _column("birth_date", "date", "person.birth_date"),
        _column("sex", "string", "person.sex", custom={"codelist": "sex_words"}),
        _column("ssn", "string", "person.ssn"),
        *marks,
    ]
    event = [
        _column("visit_id", "string", "event.id", key=True, custom={"entity": "visit"}),
        _column(
            "client_id",
            "string",
            "person.reference",
            required=True,
            relationships=[{"to": "client.client_id"}],
        ),
        _column(
            "clinic",
            "string",
            "organisation.id",
            custom={"entity": "clinic", "agencyCodes": ["CLINIC-1", "CLINIC-2"]},
        ),
        _column("came_at", "timestamp", "event.time", required=True),
        _column("kind", "string", "event.code", custom={"codelist": "visit_kind"}),
        _column(
            "minutes",
            "integer",
            "event.measure",
            required=True,
            logicalTypeOptions={"minimum": 0, "maximum": 600},
        ),
        *marks,
    ]
    age = {"column": "age", "at": "came_at", "description": "Age at the visit."}
    extra: dict[str, list] = {"client": [], "visit": [("ages", [age])]}
    for table, notices in deletes.items():
        extra[table].append(("deletes", notices))
    return [
        {
            "name": name,
            "physicalName": name,
            "description": f"The clinic's table {name}.",
            "properties": columns,
            "customProperties": [
                {"property": p, "value": value} for p, value in extra[name]
            ],
        }
        for name, columns in (("client", person), ("visit", event))
    ]


def _contract(
    delivery: Mapping[str, Any],
    marks: Sequence[dict[str, Any]],
    deletes: Mapping[str, Any],
) -> dict[str, Any]:
    schedule = {
        "mode": "increment",
        "format": "ndjson",
        "cron": "0 3 * * *",
        "due": "03:00",
        "graceMinutes": 60,
        "deleteMode": "none",
        "maxBadShare": 0.5,
        **delivery,
    }
    custom = {
        "sector": "hospital",
        "agency": "Springfield Walk-in Clinic",
        "timezone": "America/Chicago",
        "agreement": "clinic-2026",
        "connection": FEED,
        "transport": {"kind": "rest"},
        "delivery": schedule,
        "datetimeFormats": ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": FEED,
        "name": "Walk-in clinic",
        "version": "1.0.0",
        "status": "active",
        "domain": "hospital",
        "description": {"purpose": "Tests.", "usage": "Tests.", "limitations": "-"},
        "team": {
            "name": "Clinic",
            "members": [{"username": "steward@clinic.example", "role": "steward"}],
        },
        "customProperties": [{"property": p, "value": v} for p, v in custom.items()],
        "schema": _tables(marks, deletes),
    }


ACTION = _column(
    "action", "string", "technical.action", required=True,
    custom={"codelist": "row_action"},
)  # fmt: skip
DELETED_AT = _column("deleted_at", "timestamp", "technical.deleted_at")
RESOURCE_ID = _column("uuid", "string", "technical.key", required=True)
UPDATED_AT = _column("updated_at", "timestamp", "technical.updated_at")
EXTRACT = _column(
    "extract", "string", "technical.extract", custom={"oneValue": "extract"}
)
NOTICES = {
    "client": {"records": "$.gone[*]", "key": {"client_id": {"path": "$.client"}}},
    "visit": {"records": "$.gone[*]", "key": {"visit_id": {"path": "$.visit"}}},
}


def by_id(column: str) -> dict[str, Any]:
    """Return how notices read that name only the id which a column keeps."""
    return {"records": "$.gone[*]", "key": {column: {"path": "$.id"}}}


class Clinic:
    """A county with one feed, and its nights."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.include = county.settings.include
        self.store = StateStore(county.zones, county.keys, FEED)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.county.zones, self.county.keys, FEED)

    @property
    def history(self):
        return self.county.ledger.history

    def land(
        self,
        day: date,
        tables: Mapping[str, Rows],
        deletes: Mapping[str, Rows],
        *,
        of: date | None = None,
    ) -> Delivery:
        """Land rows on a night; ``of`` is the night that they tell of, if another."""
        contract = self.county.registry.contract(FEED)
        archive = Archive(self.county.zones, self.county.keys, self.county.ledger)
        drop = Drop(of or day, "a test", "")
        agreement = self.county.registry.agreement_of(contract)
        transport = _Rows(tables, deletes)
        return archive.land(contract, agreement, transport, drop, landed_on=day)

    def check(
        self, day: date, clients: Rows = (), visits: Rows = (), **deletes: Rows
    ) -> CheckResult:
        """Land and check a night's rows; ``client=`` and ``visit=`` are notices."""
        self.land(day, {"client": clients, "visit": visits}, deletes)
        return pipeline.check(self.county, FEED, day)

    def reopen(self) -> None:
        """Read the county's files again, as every task does."""
        from concord.contracts.registry import load_registry

        registry = load_registry(self.county.settings)
        self.county = County(
            self.county.settings,
            self.county.zones,
            self.county.keys,
            self.county.ledger,
            registry,
        )

    def decide(self, kind: str, *entries: Mapping[str, Any]) -> None:
        """Write the feed's exemptions or overrides."""
        folder = self.include / kind
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump({kind: [dict(e) for e in entries]})
        (folder / f"{FEED}.yaml").write_text(text)
        self.reopen()

    def state(self, day: date) -> str:
        found = self.county.ledger.state_as_of(FEED, day)
        assert found is not None
        return found.state_id

    def visits(self, day: date) -> list[dict[str, Any]]:
        return self.store.read_content(self.state(day), "visit").to_pylist()

    def visit_ids(self, day: date) -> list[str]:
        return [row["visit_id"] for row in self.visits(day)]

    def client_ids(self, day: date) -> list[str]:
        persons = self.store.read_vault(self.state(day), "person").to_pylist()
        return sorted(row["source_id"] for row in persons)

    def waiting(self, day: date, table: str = "visit") -> list[dict[str, Any]]:
        tables = self.quarantine.read(self.state(day))
        return tables[table].to_pylist() if table in tables else []

    def counts(self, day: date, table: str = "visit") -> TableCount:
        delivery = [
            d for d in self.county.ledger.deliveries(FEED) if d.landed_on == day
        ][-1]
        found = {c.table_name: c for c in self.county.ledger.table_counts(delivery.id)}
        assert found[table].reconciles
        return found[table]

    def rules(self, day: date) -> dict[str, int]:
        """Return how many rows broke each broken rule of a night."""
        delivery = [
            d for d in self.county.ledger.deliveries(FEED) if d.landed_on == day
        ][-1]
        return {
            r.rule: r.unexpected
            for r in self.county.ledger.rule_counts(delivery.id)
            if r.unexpected
        }

    def healing(self, day: date, table: str = "visit") -> Healing:
        found = {h.table_name: h for h in self.history.healing_of(FEED, day)}[table]
        assert found.reconciles
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [{"night": e.night, **e.facts} for e in self.history.events(kind, FEED)]


class _Rows:
    """A transport that offers what a test wrote down."""

    def __init__(self, tables: Mapping[str, Rows], deletes: Mapping[str, Rows]) -> None:
        self.tables = tables
        self.deletes = deletes

    def fetch(self, drop, sink):
        stored = [
            self._store(
                sink, table, "rows", "".join(json.dumps(r) + "\n" for r in rows)
            )
            for table, rows in self.tables.items()
        ]
        stored += [
            self._store(sink, table, "deletes", json.dumps({"gone": list(rows)}) + "\n")
            for table, rows in self.deletes.items()
        ]
        counts = {table: len(rows) for table, rows in self.tables.items()}
        return Fetched(tuple(stored), counts, drop.night.isoformat(), "a test")

    def _store(self, sink, table: str, role: str, text: str):
        part = Part(f"{table}/{role}.ndjson", table, role)
        return sink.store(part, io.BytesIO(text.encode()))


@contextmanager
def opened(
    root: Path,
    *,
    marks: Sequence[dict[str, Any]] = (),
    deletes: Mapping[str, Any] | None = None,
    **delivery: Any,
) -> Iterator[Clinic]:
    """Open a county of which the clinic is the only agency.

    Args:
        root: Where it lies.
        marks: Further columns of both tables.
        deletes: How deletion notices of the tables read.
        delivery: Keys of the contract's delivery in place of the usual ones.
    """
    include = root / "include"
    for name in ("contracts", "agreements", "codelists", "releases"):
        (include / name).mkdir(parents=True)
    for name in (
        "concepts.yaml",
        "codelists/sex_words.csv",
        "codelists/row_action.csv",
    ):
        shutil.copy(PROJECT / "include" / name, include / name)
    kinds = "code,value,description\nWALK_IN,walk-in,-\nREFERRED,referred,-\n"
    (include / "codelists" / "visit_kind.csv").write_text(kinds)
    contract = _contract(delivery, marks, deletes or {})
    (include / "contracts" / f"{FEED}.odcs.yaml").write_text(yaml.safe_dump(contract))
    agreement = yaml.safe_load(
        (PROJECT / "include" / "agreements" / "probation-2025.yaml").read_text()
    )
    concepts = yaml.safe_load((PROJECT / "include" / "concepts.yaml").read_text())
    agreement |= {"id": "clinic-2026", "feeds": [FEED], "concepts": sorted(concepts)}
    (include / "agreements" / "clinic-2026.yaml").write_text(yaml.safe_dump(agreement))
    suites = root / "expectations" / FEED
    suites.mkdir(parents=True)
    for table in ("client", "visit"):
        suite = {"name": f"{FEED}.{table}", "expectations": []}
        (suites / f"{table}.json").write_text(json.dumps(suite))
    with pipeline.open_county(Settings(home=root / "home", project=root)) as county:
        yield Clinic(county)
