"""Means over persons, shown where no one or two persons make them."""

from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np

from concord.deidentification.quiet import quietly
from concord.disclosure.attacker import Floats
from concord.disclosure.counts import Dimension
from concord.disclosure.dominance import LIMITS, Dominance, dominated
from concord.duck import quoted


def mean_by_cell(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: tuple[str, str, str],
    dimensions: Sequence[Dimension],
    threshold: int,
    rule: Dominance = LIMITS,
) -> dict[date, Floats]:
    """Return each period's means, one a cell and sum; NaN where none may be shown.

    Args:
        con: Connection that holds the rows of persons.
        table: The relation with them.
        columns: Which of its columns are the person, the period and the value.
        dimensions: What to count by.
        threshold: From how many persons on a mean is shown.
        rule: How much of a total few persons may contribute.
    """
    return quietly(
        f"means of {table}", _means, con, table, columns, dimensions, threshold, rule
    )


def _means(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: tuple[str, str, str],
    dimensions: Sequence[Dimension],
    threshold: int,
    rule: Dominance,
) -> dict[date, Floats]:
    person, period, value = map(quoted, columns)
    names = ", ".join(quoted(d.name) for d in dimensions)
    rows = con.execute(
        f"SELECT {period}, {names}, count(*), sum(value), max(value, {rule.largest}) "
        f"FROM (SELECT {period}, {names}, {person}, sum({value}) AS value "
        f"FROM {quoted(table)} WHERE {value} IS NOT NULL "
        f"GROUP BY {period}, {person}, CUBE ({names})) GROUP BY {period}, {names}"
    ).fetchall()
    shape = [len(d.places) for d in dimensions]
    places = [{v: i for i, v in enumerate(d.values)} for d in dimensions]
    found: dict[date, Floats] = {}
    for first, *values, persons, total, largest in rows:
        at = tuple(place.get(v, -1) for place, v in zip(places, values, strict=True))
        cells = found.setdefault(first, np.full(shape, np.nan))
        if persons >= threshold and not dominated(total, largest, rule):
            cells[at] = total / persons
    return found
