"""What the ledger remembers from night to night, so that a night can be compared.

Counts only: how full each column of a delivery was, how quarantine healed, how much an
agency deleted, how often two agencies' numbers met.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from concord.landing.records import ReleaseRecord
from concord.landing.schema import (
    audit_event,
    column_profile,
    cross_check,
    deletion,
    delivery,
    healing,
    table_count,
)


@dataclass(frozen=True)
class ColumnProfile:
    """How one column of a delivery looked; ``varied`` where it had several values."""

    table_name: str
    column_name: str
    rows: int
    present: int
    varied: bool


@dataclass(frozen=True)
class PastDelivery:
    """An accepted delivery of an earlier night: rows and columns, as counts."""

    id: str
    night: date
    received: dict[str, int]
    columns: dict[tuple[str, str], ColumnProfile]


@dataclass(frozen=True)
class Healing:
    """What became of the rows of one table that waited in quarantine.

    ``before + added`` is the sum of all the others.
    """

    table_name: str
    before: int = 0
    added: int = 0
    corrected: int = 0
    released: int = 0
    overridden: int = 0
    replaced: int = 0
    withdrawn: int = 0
    waiting: int = 0

    @property
    def healed(self) -> int:
        """Return how many rows left quarantine for the data in force."""
        return self.corrected + self.released + self.overridden

    @property
    def reconciles(self) -> bool:
        """Say whether every row that waited is accounted for."""
        gone = self.healed + self.replaced + self.withdrawn
        return self.before + self.added == gone + self.waiting


@dataclass(frozen=True)
class Deletion:
    """How much an agency took back on one night."""

    feed: str
    night: date
    persons: int
    rows: int


@dataclass(frozen=True)
class CrossCheck:
    """How many of one agency's numbers were found at another."""

    night: date
    name: str
    matched: int
    compared: int


@dataclass(frozen=True)
class Event:
    """Something that happened: counts, hashes and our own names."""

    night: date
    kind: str
    feed: str | None
    facts: Mapping[str, Any]


class History:
    """Reads and writes the ledger's history; every write may be repeated.

    ``writing`` begins a transaction, and proves the lock under which is written;
    ``note`` adds to the journal within it.
    """

    def __init__(
        self,
        engine: sa.Engine,
        writing: Callable[[], AbstractContextManager[sa.Connection]],
        note: Callable[..., None],
    ) -> None:
        self.engine = engine
        self.writing = writing
        self.note = note

    def _replace(
        self, table: sa.Table, match: dict[str, Any], rows: Iterable[dict[str, Any]]
    ) -> None:
        """Put rows in place of those that match."""
        with self.writing() as connection:
            same = sa.and_(*(table.c[name] == value for name, value in match.items()))
            connection.execute(sa.delete(table).where(same))
            values = [{**match, **row} for row in rows]
            if values:
                connection.execute(sa.insert(table), values)

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    # How deliveries looked ------------------------------------------------------

    def record_profiles(
        self, delivery_id: str, profiles: Iterable[ColumnProfile]
    ) -> None:
        """Record how the columns of an accepted delivery looked."""
        match = {"delivery_id": delivery_id}
        self._replace(column_profile, match, map(asdict, profiles))

    def past(self, feed: str, before: date, count: int) -> list[PastDelivery]:
        """Return a feed's newest accepted deliveries of earlier nights, newest first.

        Of several deliveries of one night the one that landed last counts.
        """
        query = (
            sa.select(delivery.c.id, delivery.c.night)
            .where(delivery.c.feed == feed, delivery.c.state == "checked")
            .where(delivery.c.night < before)
            .order_by(delivery.c.night.desc(), delivery.c.landed_at.desc())
        )
        newest: dict[date, str] = {}
        for row in self._rows(query):
            newest.setdefault(row["night"], row["id"])
        return [self._past(i, night) for night, i in list(newest.items())[:count]]

    def _past(self, delivery_id: str, night: date) -> PastDelivery:
        counted = sa.select(table_count.c.table_name, table_count.c.received).where(
            table_count.c.delivery_id == delivery_id
        )
        received = {r["table_name"]: r["received"] for r in self._rows(counted)}
        query = sa.select(
            *(c for c in column_profile.c if c.name != "delivery_id")
        ).where(column_profile.c.delivery_id == delivery_id)
        profiles = [ColumnProfile(**row) for row in self._rows(query)]
        columns = {(p.table_name, p.column_name): p for p in profiles}
        return PastDelivery(delivery_id, night, received, columns)

    # Quarantine -----------------------------------------------------------------

    def record_healing(self, feed: str, night: date, parts: Iterable[Healing]) -> None:
        """Record what became of the rows in quarantine on a night."""
        match = {"feed": feed, "night": night}
        self._replace(healing, match, map(asdict, parts))

    def healing_of(self, feed: str, night: date) -> tuple[Healing, ...]:
        """Return what became of a feed's rows in quarantine on a night, by table."""
        query = (
            sa.select(*(c for c in healing.c if c.name not in ("feed", "night")))
            .where(healing.c.feed == feed, healing.c.night == night)
            .order_by(healing.c.table_name)
        )
        return tuple(Healing(**row) for row in self._rows(query))

    # Deletions ------------------------------------------------------------------

    def record_deletion(self, found: Deletion) -> None:
        """Record a night's deletions: how many, never whose."""
        match = {"feed": found.feed, "night": found.night}
        self._replace(deletion, match, [{"persons": found.persons, "rows": found.rows}])

    def deletions(self) -> tuple[Deletion, ...]:
        """Return every night's deletions, oldest first."""
        query = sa.select(deletion).order_by(deletion.c.night, deletion.c.feed)
        return tuple(Deletion(**row) for row in self._rows(query))

    def outdated_by(self, release: ReleaseRecord) -> tuple[Deletion, ...]:
        """Return the deletions that came after the data of a release."""
        nights = {entry["feed"]: entry["night"] for entry in release.inputs}
        return tuple(
            found
            for found in self.deletions()
            if found.feed in nights
            and found.night.isoformat() > nights[found.feed]
            and found.persons + found.rows > 0
        )

    # Events ---------------------------------------------------------------------

    def events(self, kind: str, feed: str | None = None) -> tuple[Event, ...]:
        """Return the events of a kind, of one feed or of all, oldest first."""
        query = sa.select(
            *(audit_event.c[name] for name in ("night", "kind", "feed", "facts"))
        ).where(audit_event.c.kind == kind)
        if feed is not None:
            query = query.where(audit_event.c.feed == feed)
        rows = self._rows(query.order_by(audit_event.c.id))
        return tuple(Event(**row) for row in rows)

    # Checks between agencies ----------------------------------------------------

    def record_cross_checks(self, night: date, found: Iterable[CrossCheck]) -> None:
        """Record a night's checks between agencies."""
        for result in found:
            match = {"night": night, "name": result.name}
            self.note("cross_check", **asdict(result))
            self._replace(cross_check, match, [asdict(result)])

    def cross_checks(self, until: date) -> tuple[CrossCheck, ...]:
        """Return the checks between agencies up to a night, oldest first."""
        query = (
            sa.select(cross_check)
            .where(cross_check.c.night <= until)
            .order_by(cross_check.c.night, cross_check.c.name)
        )
        return tuple(CrossCheck(**row) for row in self._rows(query))
