"""The ledger: what arrived, what became of it, what was released.

Idempotence comes from here and from content hashes, never from task state: every
method that writes may be called again with the same facts.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa

from concord.exceptions import DeliveryHeld
from concord.landing import schema
from concord.landing.database import open_database
from concord.landing.history import History
from concord.landing.journal import Journal
from concord.landing.locks import Fence, hold
from concord.landing.records import (
    ColumnCount,
    Delivery,
    FeedNight,
    FeedState,
    FeedStatus,
    LinkageRun,
    ReleaseRecord,
    RuleCount,
    TableCount,
    now,
)
from concord.landing.release_log import ReleaseLog


class Ledger:
    """The ledger behind an SQLAlchemy URL, migrated to the newest schema on opening."""

    _fence: Fence | None = None

    def __init__(self, url: str, journal: Journal | None = None) -> None:
        self.engine = open_database(url)
        self.journal = journal

    @property
    def history(self) -> History:
        """Return what later nights compare with; written under the same lock."""
        return History(self.engine, self._writing, self._note)

    @property
    def decisions(self) -> ReleaseLog:
        """Return what people decided of releases."""
        return ReleaseLog(self.engine, self._writing, self._note)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def under(self, fence: Fence) -> "Ledger":
        """Return this ledger for a lock's holder: it writes only while that holds."""
        fenced = copy.copy(self)
        fenced._fence = fence
        return fenced

    def without_journal(self) -> "Ledger":
        """Return this ledger for its rebuilding, which notes nothing twice."""
        silent = copy.copy(self)
        silent.journal = None
        return silent

    def confirm(self) -> None:
        """Raise LockLost where the lock under which this ledger writes was lost."""
        with self._writing():
            pass

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            if self._fence is not None:
                hold(connection, self._fence)
            yield connection

    def _note(self, kind: str, **facts: Any) -> None:
        """Note in the journal what no receipt or state says; within a transaction."""
        if self.journal is not None:
            self.journal.append(kind, now(), facts)

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _put(self, connection: sa.Connection, table: sa.Table, row: Any) -> None:
        values = dict(row) if isinstance(row, Mapping) else dict(vars(row))
        key = [c.name for c in table.primary_key.columns]
        match = sa.and_(*(table.c[name] == values[name] for name in key))
        connection.execute(sa.delete(table).where(match))
        connection.execute(sa.insert(table).values(**values))

    # Deliveries ---------------------------------------------------------------

    def record_delivery(self, delivery: Delivery) -> bool:
        """Record a landed delivery; False where the same bytes were recorded before.

        A delivery that was never accepted (held, or landed and not checked because the
        machine stopped) and is offered again counts for the night of the new offer.
        """
        table = schema.delivery
        same = table.c.id == delivery.id
        with self._writing() as connection:
            known = connection.execute(sa.select(table.c.state).where(same)).first()
            if known is None:
                self._put(connection, table, delivery)
            elif known.state in ("landed", "held"):
                connection.execute(
                    sa.update(table).where(same).values(landed_on=delivery.landed_on)
                )
                self._note("landed_on", id=delivery.id, landed_on=delivery.landed_on)
            return known is None

    def supersede_held(self, feed: str, before: date) -> None:
        """Close held deliveries that a later, accepted one has made up for."""
        table, counts = schema.delivery, schema.table_count
        held = sa.select(table.c.id).where(
            table.c.feed == feed, table.c.state == "held", table.c.night < before
        )
        with self._writing() as connection:
            ids = connection.execute(held).scalars().all()
            connection.execute(
                sa.update(counts)
                .where(counts.c.delivery_id.in_(ids))
                .values(
                    superseded=counts.c.received, quarantined=0, published=0, rejected=0
                )
            )
            connection.execute(
                sa.update(table).where(table.c.id.in_(ids)).values(state="superseded")
            )
            if ids:
                self._note("superseded", feed=feed, before=before)

    def deliveries(
        self, feed: str, *, until: date | None = None
    ) -> tuple[Delivery, ...]:
        """Return a feed's deliveries in the order in which they apply."""
        table = schema.delivery
        query = sa.select(table).where(table.c.feed == feed)
        if until is not None:
            query = query.where(table.c.landed_on <= until)
        query = query.order_by(table.c.night, table.c.landed_at, table.c.id)
        return tuple(Delivery(**row) for row in self._rows(query))

    def record_outcome(
        self,
        delivery_id: str,
        state: Literal["checked", "held"],
        tables: Iterable[TableCount],
        rules: Iterable[RuleCount],
    ) -> None:
        """Record what became of a delivery's rows; raises if they don't reconcile."""
        tables, rules = tuple(tables), tuple(rules)
        for count in tables:
            if not count.reconciles:
                raise DeliveryHeld(
                    "COUNTS_DO_NOT_RECONCILE",
                    feed=delivery_id.split(":")[0],
                    detail=f"table '{count.table_name}': {count.received} received, "
                    f"{count.published} published, {count.quarantined} quarantined, "
                    f"{count.rejected} rejected, {count.superseded} superseded",
                    remedy="This is a fault of Concord: report it with this message",
                )
        with self._writing() as connection:
            connection.execute(
                sa.update(schema.delivery)
                .where(schema.delivery.c.id == delivery_id)
                .values(state=state)
            )
            for part in (schema.table_count, schema.rule_count):
                connection.execute(
                    sa.delete(part).where(part.c.delivery_id == delivery_id)
                )
            _insert(connection, schema.table_count, tables, delivery_id=delivery_id)
            _insert(connection, schema.rule_count, rules, delivery_id=delivery_id)
            counts = {"tables": tables, "rules": rules} if state == "held" else {}
            self._note("outcome", id=delivery_id, **counts)

    def table_counts(self, delivery_id: str) -> tuple[TableCount, ...]:
        """Return what became of a delivery's rows, by table."""
        table = schema.table_count
        query = (
            sa.select(table)
            .where(table.c.delivery_id == delivery_id)
            .order_by(table.c.table_name)
        )
        return tuple(
            TableCount(**_without(r, "delivery_id")) for r in self._rows(query)
        )

    def rule_counts(self, delivery_id: str) -> tuple[RuleCount, ...]:
        """Return how many rows of a delivery broke each rule."""
        table = schema.rule_count
        query = (
            sa.select(table)
            .where(table.c.delivery_id == delivery_id)
            .order_by(table.c.table_name, table.c.rule)
        )
        return tuple(RuleCount(**_without(r, "delivery_id")) for r in self._rows(query))

    # States -------------------------------------------------------------------

    def record_feed_night(
        self,
        feed: str,
        night: date,
        status: FeedStatus,
        *,
        state_id: str | None = None,
        code: str | None = None,
        detail: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Record how a feed stood after a night."""
        row = FeedNight(feed, night, status, state_id, code, detail, remedy, now())
        with self._writing() as connection:
            self._put(connection, schema.feed_night, row)
            self._note("night", **vars(row))

    def feed_nights(self, night: date | None = None) -> tuple[FeedNight, ...]:
        """Return the standing of every feed, on one night or on all."""
        table = schema.feed_night
        query = sa.select(table).order_by(table.c.night, table.c.feed)
        if night is not None:
            query = query.where(table.c.night == night)
        return tuple(FeedNight(**row) for row in self._rows(query))

    def state_as_of(self, feed: str, night: date) -> FeedState | None:
        """Return the last good state of a feed on or before a night."""
        table = schema.feed_night
        query = (
            sa.select(table.c.night, table.c.state_id)
            .where(table.c.feed == feed, table.c.night <= night)
            .where(table.c.status == "checked")
            .order_by(table.c.night.desc())
            .limit(1)
        )
        for row in self._rows(query):
            carried = row["night"] != night
            return FeedState(feed, row["night"], row["state_id"], carried)
        return None

    def record_columns(
        self, feed: str, state_id: str, counts: Iterable[ColumnCount]
    ) -> None:
        """Record how complete each column of a state is."""
        table = schema.column_count
        same = sa.and_(table.c.feed == feed, table.c.state_id == state_id)
        with self._writing() as connection:
            connection.execute(sa.delete(table).where(same))
            _insert(connection, table, counts, feed=feed, state_id=state_id)

    def column_counts(self, feed: str, state_id: str) -> tuple[ColumnCount, ...]:
        """Return how complete each column of a state is."""
        table = schema.column_count
        query = (
            sa.select(table)
            .where(table.c.feed == feed, table.c.state_id == state_id)
            .order_by(table.c.table_name, table.c.column_name)
        )
        return tuple(
            ColumnCount(**_without(r, "feed", "state_id")) for r in self._rows(query)
        )

    # Watermarks ---------------------------------------------------------------

    def watermark(self, feed: str) -> str | None:
        """Return how far a feed has been taken, in its own words."""
        query = sa.select(schema.watermark.c.cursor).where(
            schema.watermark.c.feed == feed
        )
        return next((row["cursor"] for row in self._rows(query)), None)

    def watermark_before(self, feed: str, night: date) -> str | None:
        """Return how far a feed had been taken before a night, whatever came later."""
        mark = schema.watermark
        row = self._rows(sa.select(mark).where(mark.c.feed == feed))
        if not row or row[0]["night"] < night:
            return row[0]["cursor"] if row else None
        earlier = [
            delivery.cursor
            for delivery in self.deliveries(feed)
            if delivery.state == "checked" and delivery.night < night
        ]
        return earlier[-1] if earlier else None

    def advance(self, feed: str, cursor: str, night: date) -> None:
        """Move a feed's watermark to what was delivered for a night, never back."""
        table = schema.watermark
        with self._writing() as connection:
            row = connection.execute(
                sa.select(table.c.night).where(table.c.feed == feed)
            ).first()
            if row is None or row.night <= night:
                self._put(
                    connection, table, {"feed": feed, "cursor": cursor, "night": night}
                )

    def remember(self, feed: str, name: str, value: str) -> None:
        """Keep what a transport must know after a crash, e.g. a running export."""
        row = {"feed": feed, "name": name, "value": value}
        with self._writing() as connection:
            self._put(connection, schema.transport_memory, row)
            self._note("memory", **row)

    def recall(self, feed: str, name: str) -> str | None:
        """Return what a transport kept."""
        table = schema.transport_memory
        query = sa.select(table.c.value).where(
            table.c.feed == feed, table.c.name == name
        )
        return next((row["value"] for row in self._rows(query)), None)

    # Linkage, releases, events --------------------------------------------------

    def record_linkage(self, run: LinkageRun) -> None:
        """Record a night's linkage."""
        with self._writing() as connection:
            self._put(connection, schema.linkage_run, run)

    def linkage_as_of(self, night: date) -> LinkageRun | None:
        """Return the newest linkage on or before a night."""
        table = schema.linkage_run
        query = (
            sa.select(table)
            .where(table.c.night <= night)
            .order_by(table.c.night.desc())
            .limit(1)
        )
        return next((LinkageRun(**row) for row in self._rows(query)), None)

    def record_release(self, record: ReleaseRecord) -> None:
        """Record a release."""
        with self._writing() as connection:
            values = {**vars(record), "inputs": list(record.inputs)}
            self._put(connection, schema.release, values)

    def releases(self, profile: str | None = None) -> tuple[ReleaseRecord, ...]:
        """Return releases in the order in which they were made."""
        table = schema.release
        query = sa.select(table).order_by(table.c.profile, table.c.number)
        if profile is not None:
            query = query.where(table.c.profile == profile)
        return tuple(
            ReleaseRecord(**{**row, "inputs": tuple(row["inputs"])})
            for row in self._rows(query)
        )

    def record_event(
        self, kind: str, night: date, feed: str | None = None, **facts: Any
    ) -> None:
        """Append an event: counts, hashes and our own names, never a row's value."""
        row = {"at": now(), "night": night, "feed": feed, "facts": facts}
        with self._writing() as connection:
            connection.execute(sa.insert(schema.audit_event).values(kind=kind, **row))
            self._note("event", event=kind, **row)

    def nights(self) -> tuple[date, ...]:
        """Return every night of which the ledger knows."""
        table = schema.feed_night
        query = sa.select(table.c.night).distinct().order_by(table.c.night)
        return tuple(row["night"] for row in self._rows(query))


def _insert(
    connection: sa.Connection, table: sa.Table, rows: Iterable[Any], **key: str
) -> None:
    """Insert what belongs to one key, all in one statement."""
    values = [{**key, **vars(row)} for row in rows]
    if values:
        connection.execute(sa.insert(table), values)


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}
