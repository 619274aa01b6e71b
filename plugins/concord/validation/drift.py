"""A delivery compared with the feed's own past: how many rows, how full each column.

What was accepted on earlier nights is the measure, as counts in the ledger. A delivery
that differs too much is held, because a person must say whether the world or the
export changed. A dated exemption lets it through.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from statistics import median

import duckdb

from concord.contracts.models import Contract, Delivery, Table
from concord.duck import one, quoted
from concord.landing.history import ColumnProfile, PastDelivery

LOOK_BACK = 400  # nights; a year and more of weekdays
SURELY = 20  # so many values are missing by chance less than once in 10^8 deliveries


@dataclass(frozen=True)
class Finding:
    """One way in which a delivery differs from the past."""

    code: str
    rule: str
    detail: str
    remedy = "Ask the agency whether this is right; if so, exempt the rule"


def profile(
    con: duckdb.DuckDBPyConnection, table: Table, source: str
) -> list[ColumnProfile]:
    """Count how full each column of a relation is, and whether its values vary."""
    columns = [c for c in table.columns if c.concept.zone != "discard"]
    parts = ", ".join(
        f"count({name}), coalesce(min({name}) <> max({name}), FALSE)"
        for name in (quoted(c.name) for c in columns)
    )
    rows, *found = one(con, f"SELECT count(*), {parts} FROM {source}")
    pairs = zip(found[::2], found[1::2], strict=True)
    return [
        ColumnProfile(table.name, column.name, rows, present, varied)
        for column, (present, varied) in zip(columns, pairs, strict=True)
    ]


def comparable(
    past: list[PastDelivery], delivery: Delivery, night: date
) -> list[PastDelivery]:
    """Return the past deliveries with which one of a night can be compared.

    A snapshot is like any other; what changes in a day depends on the weekday, what
    changes in a week or a month does not.
    """
    if delivery.mode == "increment" and delivery.cadence.several_a_week(night):
        past = [p for p in past if p.night.weekday() == night.weekday()]
    return past[: delivery.drift.nights]


def findings(
    contract: Contract,
    night: date,
    received: dict[str, int],
    profiles: list[ColumnProfile],
    past: list[PastDelivery],
) -> Iterator[Finding]:
    """Yield how a delivery differs from the feed's past, if enough of it is known."""
    delivery = contract.delivery
    alike = comparable(past, delivery, night)
    if len(alike) < delivery.drift.min_nights:
        return
    covered = nights_covered(past, delivery, night)
    for table in contract.tables:
        usual = median(p.received.get(table.name, 0) for p in alike)
        yield from _volume(table, received[table.name], usual, covered, delivery)
    for column in profiles:
        key = column.table_name, column.column_name
        known = [p.columns[key] for p in alike if key in p.columns]
        if len(known) >= delivery.drift.min_nights:
            yield from _column(contract, column, known)


def nights_covered(past: list[PastDelivery], delivery: Delivery, night: date) -> int:
    """Return for how many due nights a delivery may tell; after an outage, several."""
    if delivery.mode == "full" or not past:
        return 1
    return max(1, delivery.cadence.due_nights(past[0].night, night))


def _volume(
    table: Table, rows: int, usual: float, covered: int, delivery: Delivery
) -> Iterator[Finding]:
    drift = delivery.drift
    if max(rows, usual) < drift.min_rows:
        return
    few, many = usual * (1 - drift.fewer), usual * drift.more * covered
    if rows < few or rows > many:
        yield Finding(
            "VOLUME_DRIFT",
            f"volume:{table.name}",
            f"{table.name}: {rows} rows, {usual:.0f} are usual",
        )


def _column(
    contract: Contract, column: ColumnProfile, known: list[ColumnProfile]
) -> Iterator[Finding]:
    concept = contract.table(column.table_name).column(column.column_name).concept
    name = f"{column.table_name}.{column.column_name}"
    usual = median(k.present / k.rows if k.rows else 0 for k in known)
    if column.present == 0 and usual * column.rows >= SURELY:
        yield Finding(
            "COLUMN_DRIFT",
            f"empty:{name}",
            f"{name} is empty in all {column.rows} rows, {usual:.0%} filled in are "
            "usual",
        )
    enough = contract.delivery.drift.min_rows
    if (
        column.present >= enough
        and not column.varied
        and not concept.name.startswith("technical.")
        and all(k.varied for k in known)
    ):
        yield Finding(
            "COLUMN_DRIFT",
            f"constant:{name}",
            f"{name} has one and the same value in all {column.present} rows, several "
            "are usual",
        )
