"""What two tables tell that neither tells alone.

Between releases: the figures of a period are frozen once they are out. Two figures of
one count, with one person more in the second, give both counts away as soon as the
second is rounded otherwise. Within a release: two tables of which one counts all the
persons of the other and a few more publish those few by subtraction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise

import duckdb
import numpy as np

from concord.deidentification.quiet import quietly
from concord.disclosure.attacker import Attacker, Contradiction
from concord.disclosure.audit import attack
from concord.disclosure.cells import Shown
from concord.disclosure.counts import Dimension
from concord.duck import quoted
from concord.exceptions import DisclosureRefused


@dataclass(frozen=True)
class Given:
    """What became known by showing tables several times; counts only.

    Attributes:
        changed: Figures that differ from the time before.
        exact: Counts that are certain for who knows that no count changed by more than
            one person, or by more than the figures force.
        narrowed: Withheld counts that can't be everything any more that is withheld.
    """

    changed: int
    exact: int
    narrowed: int


def learned(times: Sequence[Sequence[Shown]]) -> Given:
    """Attack tables that were shown several times, oldest first."""
    changed = sum(
        int((before.figures != after.figures).sum())
        for earlier, later in pairwise(times)
        for before, after in zip(earlier, later, strict=True)
    )
    found = attack(Attacker(*times), times[0][0].rule)
    return Given(changed, found.exact, found.withheld - found.full)


def refuse_changed(
    period: date, earlier: str, before: Sequence[Shown], now: Sequence[Shown]
) -> None:
    """Refuse figures of a period that differ from those that are out.

    Args:
        period: First day of the period.
        earlier: Name of the release that has the figures.
        before: The period's tables as that release shows them.
        now: The same tables as they would be shown.

    Raises:
        DisclosureRefused: They differ; the message says what could be reckoned.
    """
    shapes = [[(t.name, t.dimensions) for t in tables] for tables in (before, now)]
    if shapes[0] != shapes[1]:
        raise DisclosureRefused(
            f"{period}: {earlier} shows other tables or dimensions of this period, and "
            "two tables of the same persons can be subtracted. Give a changed table a "
            "new name; it begins with the next period"
        )
    changed = [
        (a, b)
        for a, b in zip(before, now, strict=True)
        if not np.array_equal(a.figures, b.figures)
    ]
    if not changed:
        return
    given = [_learned_of(*pair) for pair in changed]
    raise DisclosureRefused(
        f"{', '.join(a.name for a, _ in changed)}, {period}: "
        f"{sum(each.changed for each in given)} figures differ from {earlier}, which "
        "is out and frozen. Who knows of one person more or less would learn "
        f"{sum(each.exact for each in given)} counts exactly and "
        f"{sum(each.narrowed for each in given)} withheld ones in part. "
        "Corrections show with the next period only"
    )


def _learned_of(before: Shown, now: Shown) -> Given:
    """Attack one table that was shown twice; figures no counts suit tell nothing."""
    try:
        return learned([[before], [now]])
    except Contradiction:
        return Given(int((before.figures != now.figures).sum()), 0, 0)


@dataclass(frozen=True)
class Rows:
    """Rows of persons from which a table is counted."""

    table: str
    person: str
    period: str
    dimensions: tuple[Dimension, ...]


def same_persons(
    con: duckdb.DuckDBPyConnection, tables: Sequence[Rows], period: date, threshold: int
) -> list[list[int]]:
    """Group the tables of a period that count the same persons, by their places.

    Raises:
        DisclosureRefused: A table counts the persons of another and a few more.
    """
    groups = [{n} for n in range(len(tables))]
    for a, b in combinations(range(len(tables)), 2):
        if _compared(con, tables[a], tables[b], period, threshold):
            merged = next(g for g in groups if a in g) | next(
                g for g in groups if b in g
            )
            groups = [g for g in groups if not g & merged] + [merged]
    return sorted(sorted(group) for group in groups)


def _compared(
    con: duckdb.DuckDBPyConnection, one: Rows, other: Rows, period: date, threshold: int
) -> bool:
    """Say whether two tables count the same persons wherever they can be compared."""
    equal = True
    common = [d for d in one.dimensions if d in other.dimensions]
    for by in _subsets(common):
        query = _difference(one, other, by, threshold)
        differing, few = quietly(
            f"compare {one.table} with {other.table}", _first, con, query, period
        )
        if few:
            where = " × ".join(d.name for d in by) or "in all"
            raise DisclosureRefused(
                f"{one.table} and {other.table}, {period}: {few} of their common "
                f"counts ({where}) differ by fewer than {threshold} persons that only "
                "one of the two has, who could be found by subtraction. Count the same "
                "persons in both, or publish one"
            )
        equal = equal and not differing
    return equal


def _first(con: duckdb.DuckDBPyConnection, query: str, period: date) -> tuple[int, int]:
    ((differing, few),) = con.execute(query, {"period": period}).fetchall()
    return int(differing), int(few)


def _subsets(common: Sequence[Dimension]) -> Iterator[tuple[Dimension, ...]]:
    for size in range(len(common) + 1):
        yield from combinations(common, size)


def _difference(one: Rows, other: Rows, by: Sequence[Dimension], threshold: int) -> str:
    """Return SQL that counts common cells that differ, and those that differ by few.

    Few are told apart only where the rest of the cell is large enough to be shown.
    """
    cell = "".join(f", {quoted(d.name)}" for d in by)
    groups = f"GROUP BY {cell.removeprefix(', ')}" if cell else ""

    def persons(rows: Rows, mark: str) -> str:
        return (
            f"(SELECT DISTINCT {quoted(rows.person)} AS _person{cell}, true AS {mark} "
            f"FROM {quoted(rows.table)} WHERE {quoted(rows.period)} = $period)"
        )

    return (
        "SELECT count(*) FILTER (only_one + only_other > 0), count(*) FILTER ("
        "least(only_one, only_other) = 0 AND greatest(only_one, only_other) BETWEEN 1 "
        f"AND {threshold - 1} AND shared >= {threshold}) FROM (SELECT "
        "count(*) FILTER (_other IS NULL) AS only_one, "
        "count(*) FILTER (_one IS NULL) AS only_other, "
        "count(*) FILTER (_one AND _other) AS shared "
        f"FROM {persons(one, '_one')} FULL JOIN {persons(other, '_other')} "
        f"USING (_person{cell}) {groups})"
    )
