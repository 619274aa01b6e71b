"""Tables of persons: how many stand in each cell, and in each sum over cells.

Persons are counted, never rows: who stands in a cell twice is one, and who stands in
two cells is one in their sum. Sums are therefore counted from the persons themselves,
and need not be what the cells add up to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

import duckdb
import numpy as np
from numpy.typing import NDArray

from concord.deidentification.quiet import quietly
from concord.duck import literal, one, quoted
from concord.exceptions import DisclosureRefused

ALL = "all"
"""What a published row says where it sums over a dimension."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Dimension:
    """What persons are counted by, with every value that there can be."""

    name: str
    values: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Return the places along the axis: the values, and all of them together."""
        return (*self.values, ALL)


@dataclass(frozen=True)
class Counts:
    """How many persons stand in each cell of one table.

    ``cells`` has one axis a dimension, coarsest first, and along it one place for each
    value and a last one for all of them.
    """

    name: str
    dimensions: tuple[Dimension, ...]
    cells: Ints

    @property
    def additive(self) -> tuple[bool, ...]:
        """Say of each axis whether nobody stands in two of its cells."""
        return tuple(
            bool(np.array_equal(inner(self.cells, axis).sum(axis), last))
            for axis in range(self.cells.ndim)
            for last in [np.take(self.cells, -1, axis)]
        )

    def without_finest(self) -> "Counts":
        """Return the table summed over its last dimension."""
        return replace(
            self, dimensions=self.dimensions[:-1], cells=self.cells[..., -1].copy()
        )


def inner(cells: Ints, axis: int) -> Ints:
    """Return the cells along an axis without the sum over them."""
    return np.take(cells, range(cells.shape[axis] - 1), axis)


def count_persons(
    con: duckdb.DuckDBPyConnection,
    table: str,
    person: str,
    period: str,
    dimensions: Sequence[Dimension],
) -> dict[date, Counts]:
    """Count the persons of each period, in every cell and every sum.

    Args:
        con: Connection that holds the table: rows of persons, not yet counted.
        table: Its name.
        person: Column with the token that stands for one person.
        period: Column with the first day of the period that a row belongs to.
        dimensions: What to count by, coarsest first.

    Raises:
        DisclosureRefused: A row has a value that is not declared, or none.
    """
    return quietly(f"count {table}", _count, con, table, person, period, dimensions)


def _count(
    con: duckdb.DuckDBPyConnection,
    table: str,
    person: str,
    period: str,
    dimensions: Sequence[Dimension],
) -> dict[date, Counts]:
    _check_values(con, table, (person, period), dimensions)
    names = "".join(f", {quoted(d.name)}" for d in dimensions)
    cube = f", CUBE ({names.removeprefix(', ')})" if names else ""
    rows = con.execute(
        f"SELECT {quoted(period)}{names}, count(DISTINCT {quoted(person)}) "
        f"FROM {quoted(table)} GROUP BY {quoted(period)}{cube}"
    ).fetchall()
    shape = tuple(len(d.places) for d in dimensions)
    places = [{v: i for i, v in enumerate(d.values)} for d in dimensions]
    found: dict[date, Counts] = {}
    for first, *values, persons in rows:
        if first not in found:
            cells = np.zeros(shape, np.int64)
            found[first] = Counts(table, tuple(dimensions), cells)
        at = tuple(place.get(v, -1) for place, v in zip(places, values, strict=True))
        found[first].cells[at] = persons
    return dict(sorted(found.items()))


def _check_values(
    con: duckdb.DuckDBPyConnection,
    table: str,
    required: Sequence[str],
    dimensions: Sequence[Dimension],
) -> None:
    """Refuse what there is no cell for; it would be left out without a word."""
    tests = {name: f"{quoted(name)} IS NULL" for name in required} | {
        d.name: f"({quoted(d.name)} IN ({', '.join(map(literal, d.values))})) "
        "IS NOT TRUE"
        for d in dimensions
    }
    counted = ", ".join(f"count(*) FILTER ({test})" for test in tests.values())
    wrong = one(con, f"SELECT {counted} FROM {quoted(table)}")
    for name, rows in zip(tests, wrong, strict=True):
        if rows:
            raise DisclosureRefused(
                f"{table}.{name}: {rows} rows have no value that the table declares. "
                "Let the SQL give one of them, or declare another"
            )


def cell_names(dimensions: Sequence[Dimension]) -> list[dict[str, str]]:
    """Return what each cell stands for, in the order of the flattened cells."""
    names = [d.name for d in dimensions]
    return [
        dict(zip(names, values, strict=True))
        for values in product(*(d.places for d in dimensions))
    ]
