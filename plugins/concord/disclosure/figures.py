"""Figures as rows of a published table, and back.

A row is a period and a place along each dimension, ``all`` where it sums over one. It
has the figure and, beside it, whether the figure is withheld.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from concord.contracts.aggregates import CountRule
from concord.disclosure.attacker import Floats
from concord.disclosure.cells import WITHHELD, CellRule, Shown
from concord.disclosure.counts import ALL, Dimension, Ints, cell_names
from concord.disclosure.ladder import STATE

PERSONS, SHARE, MEAN = "persons", "share", "mean"
LEAST_SHARE, DECIMALS = 0.05, 3


def dimensions(rule: CountRule) -> tuple[Dimension, ...]:
    """Return what a table counts by."""
    return tuple(Dimension(name, values) for name, values in rule.dimensions.items())


def added_columns(rule: CountRule) -> tuple[str, ...]:
    """Return the columns that protection adds to period and dimensions."""
    optional = ((SHARE, rule.share), (MEAN, rule.mean))
    return (PERSONS, STATE, *(name for name, wanted in optional if wanted is not None))


def schema(period: str, rule: CountRule) -> pa.Schema:
    """Return the columns of a published table."""
    kinds = {
        PERSONS: pa.int64(), STATE: pa.string(), SHARE: pa.float64(), MEAN: pa.float64()
    }  # fmt: skip
    return pa.schema(
        [(period, pa.date32())]
        + [(name, pa.string()) for name in rule.dimensions]
        + [(name, kinds[name]) for name in added_columns(rule)]
    )


def to_rows(
    period: str, first: date, shown: Shown, rule: CountRule, means: Floats | None = None
) -> pa.Table:
    """Write a period's figures as rows; a dimension that was summed over says so."""
    figures = shown.figures.ravel()
    withheld = figures == WITHHELD
    shares = _shares(shown, rule).ravel()
    columns: dict[str, Sequence[Any]] = {
        PERSONS: [
            None if w else int(f) for f, w in zip(figures, withheld, strict=True)
        ],
        STATE: np.where(withheld, "suppressed", "ok").tolist(),
        SHARE: _told(shares),
        MEAN: _told(means.ravel()) if means is not None else [None] * figures.size,
    }
    names = cell_names(shown.dimensions)
    cells = {name: [at.get(name, ALL) for at in names] for name in rule.dimensions}
    wanted = schema(period, rule)
    everything = {period: [first] * figures.size, **cells, **columns}
    return pa.table({name: everything[name] for name in wanted.names}, schema=wanted)


def _told(values: Floats) -> list[float | None]:
    return [None if np.isnan(v) else round(float(v), DECIMALS) for v in values]


def _shares(shown: Shown, rule: CountRule) -> Floats:
    """Return each figure as a share of the sum over one dimension, where both show."""
    figures = np.where(shown.figures > 0, shown.figures, np.nan)
    names = [d.name for d in shown.dimensions]
    if rule.share not in names:
        return np.full_like(figures, np.nan)
    axis = names.index(rule.share)
    shares: Floats = np.minimum(figures / np.take(figures, [-1], axis), 1)
    if rule.top_bottom:
        shares = np.clip(shares, LEAST_SHARE, 1 - LEAST_SHARE)
    last = [slice(None)] * figures.ndim
    last[axis] = slice(-1, None)
    shares[tuple(last)] = np.nan
    return shares


def from_rows(
    name: str, rows: pa.Table, period: str, first: date, how: Mapping[str, Any]
) -> Shown:
    """Read a period's figures back.

    Args:
        name: The table.
        rows: Its rows, of all periods.
        period: The column of the period.
        first: Which period.
        how: How its figures were made, as the manifest says.
    """
    found = [row for row in rows.to_pylist() if row[period] == first]
    axes = [
        Dimension(
            column, tuple(dict.fromkeys(r[column] for r in found if r[column] != ALL))
        )
        for column in rows.column_names
        if column not in (period, PERSONS, STATE, SHARE, MEAN)
    ]
    axes = [Dimension(d.name, tuple(sorted(d.values))) for d in axes if d.values]
    figures: Ints = np.zeros([len(d.places) for d in axes], np.int64)
    for row in found:
        at = tuple(d.places.index(row[d.name]) for d in axes)
        figures[at] = WITHHELD if row[PERSONS] is None else row[PERSONS]
    rule = CellRule(how["threshold"], (how["base"],), how["zeros_disclosive"])
    return Shown(name, tuple(axes), figures, tuple(how["additive"]), rule, how["base"])
