"""Who was this on night n: the person ids of a record, and what changed them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import LinkageError
from concord.linkage.history import as_of
from concord.pipeline.county import County
from concord.pipeline.person_store import PersonStore


@dataclass(frozen=True)
class Span:
    """The nights on which a record had a person id; no end where it has it still."""

    person_id: str
    since: date
    until: date | None


@dataclass(frozen=True)
class Event:
    """What happened to a person id on a night, and why."""

    kind: str
    person_id: str
    other_person_id: str | None
    records: int
    reason: str
    night: date
    run: str


def spans_of(county: County, record_key: str) -> tuple[Span, ...]:
    """Return every person id that a record had, oldest first.

    Raises:
        LinkageError: ``RECORD_UNKNOWN``: linkage has never seen the record.
    """
    store = PersonStore(county)
    run = store.newest()
    found = [
        Span(row["person_id"], row["since"], row.get("until"))
        for name in ("history", "assignments")
        for row in _of(store.read(run, name), "record_key", record_key)
    ]
    if not found:
        raise LinkageError(
            "RECORD_UNKNOWN",
            "linkage has never seen this record key",
            "Copy the key from the review page, or from the vault's person records",
        )
    return tuple(sorted(found, key=lambda span: span.since))


def person_on(county: County, record_key: str, night: date) -> tuple[str, ...]:
    """Return all records that were one person with this one on a night, sorted.

    Nothing where the record was not there on that night.
    """
    store = PersonStore(county)
    run = store.newest()
    on = as_of(store.read(run, "assignments"), store.read(run, "history"), night)
    persons = [row["person_id"] for row in _of(on, "record_key", record_key)]
    return tuple(
        row["record_key"] for person in persons for row in _of(on, "person_id", person)
    )


def events_of(county: County, night: date | None = None) -> tuple[Event, ...]:
    """Return what happened to person ids on a night, the newest if none is named."""
    store = PersonStore(county)
    run = store.newest(night or date.max)
    if night is not None and run.night != night:
        return ()
    return tuple(Event(**row) for row in store.read(run, "events").to_pylist())


def _of(table: pa.Table, column: str, value: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(
        pc.equal(table[column], value)
    ).to_pylist()
    return rows
