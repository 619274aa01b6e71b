"""Counts the persons of the periods that are due and protects what was counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from concord.contracts.aggregates import Aggregates, CountRule
from concord.curation.sql_files import CuratedTable
from concord.disclosure.attacker import Floats
from concord.disclosure.cells import CellRule, Shown
from concord.disclosure.counts import Counts, Dimension, count_persons
from concord.disclosure.differencing import Rows, same_persons
from concord.disclosure.figures import dimensions, to_rows
from concord.disclosure.means import mean_by_cell
from concord.disclosure.noise import with_noise
from concord.disclosure.table_protection import protect_tables


@dataclass(frozen=True)
class Mart:
    """A table to count, how, and from how many persons on a cell of it is shown."""

    table: CuratedTable
    rule: CountRule
    threshold: int

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.table.name

    @property
    def period(self) -> str:
        """Return the column of the period."""
        return self.table.about.key[0]

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Return what is counted by."""
        return dimensions(self.rule)

    @property
    def rows(self) -> Rows:
        """Return the rows that are counted."""
        return Rows(self.name, self.rule.person, self.period, self.dimensions)


@dataclass(frozen=True)
class Figures:
    """A period's figures of one table, and how they were made."""

    mart: Mart
    period: date
    shown: Shown
    how: Mapping[str, Any]
    means: Floats | None = None

    def rows(self) -> pa.Table:
        """Return the figures as rows of the published table."""
        return to_rows(
            self.mart.period, self.period, self.shown, self.mart.rule, self.means
        )


class Counting:
    """One release's counting; everything is counted from the same rows."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        marts: Sequence[Mart],
        profile: Aggregates,
    ) -> None:
        self.con = con
        self.marts = marts
        self.profile = profile
        self.counted = {
            mart.name: count_persons(
                con, mart.name, mart.rule.person, mart.period, mart.dimensions
            )
            for mart in marts
        }
        self.means = {
            mart.name: mean_by_cell(
                con,
                mart.name,
                (mart.rule.person, mart.period, mart.rule.mean),
                mart.dimensions,
                mart.threshold,
            )
            for mart in marts
            if mart.rule.mean is not None
        }

    def figures(self, period: date) -> list[Figures]:
        """Return what may be shown of a period.

        Raises:
            DisclosureRefused: Two tables differ by few persons.
        """
        noisy = [mart for mart in self.marts if mart.rule.epsilon is not None]
        rounded = [mart for mart in self.marts if mart.rule.epsilon is None]
        threshold = max((mart.threshold for mart in rounded), default=0)
        tables = [mart.rows for mart in rounded]
        groups = same_persons(self.con, tables, period, threshold)
        made = [self._with_noise(mart, period) for mart in noisy]
        for group in groups:
            made += self._protected([rounded[n] for n in group], period)
        return sorted(made, key=lambda figures: figures.mart.name)

    def _counts(self, mart: Mart, period: date) -> Counts:
        """Return a period's counts; of a period without rows all are zero."""
        shape = tuple(len(d.places) for d in mart.dimensions)
        nobody = Counts(mart.name, mart.dimensions, np.zeros(shape, np.int64))
        return self.counted[mart.name].get(period, nobody)

    def _protected(self, marts: Sequence[Mart], period: date) -> list[Figures]:
        """Protect tables that count the same persons, by the strictest rule of any."""
        rule = CellRule(
            max(mart.threshold for mart in marts),
            self.profile.bases,
            any(mart.rule.zeros_disclosive for mart in marts),
        )
        found = protect_tables([self._counts(mart, period) for mart in marts], rule)
        how = {**found.summary(), "together": [mart.name for mart in marts]}
        return [
            Figures(
                mart,
                period,
                shown,
                {**_made(shown, period), **how},
                self._means(mart, period, shown),
            )
            for mart, shown in zip(marts, found.tables, strict=True)
        ]

    def _means(self, mart: Mart, period: date, shown: Shown) -> Floats | None:
        """Return a table's means where its counts show, summed over what they are."""
        means = self.means.get(mart.name, {}).get(period)
        if means is None:
            return None
        for _ in range(means.ndim - shown.figures.ndim):
            means = means[..., -1]
        return np.where(shown.withheld, np.nan, means)

    def _with_noise(self, mart: Mart, period: date) -> Figures:
        epsilon = mart.rule.epsilon or 0.0
        counts = with_noise(self._counts(mart, period), epsilon)
        rule = CellRule(mart.threshold, self.profile.bases)
        additive = (True,) * len(counts.dimensions)
        shown = Shown(counts.name, counts.dimensions, counts.cells, additive, rule, 1)
        how = {"threshold": mart.threshold, "base": 1, "epsilon": epsilon}
        return Figures(mart, period, shown, {**_made(shown, period), **how})


def _made(shown: Shown, period: date) -> dict[str, Any]:
    return {
        "table": shown.name,
        "period": period.isoformat(),
        "dimensions": [d.name for d in shown.dimensions],
        "additive": list(shown.additive),
        "zeros_disclosive": shown.rule.zeros_disclosive,
    }
