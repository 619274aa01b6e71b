"""The publish step of a profile of aggregates: counts of persons, each period once.

What is published is what earlier releases show, unchanged, and the periods that have
settled since. A night on which no period is due publishes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa

from concord.contracts.aggregates import Aggregates, following
from concord.curation.selection import feeds_read
from concord.curation.sql_files import CuratedTable
from concord.disclosure.differencing import refuse_changed
from concord.disclosure.figures import from_rows, schema
from concord.disclosure.noise import SPENT, Budget, spent
from concord.duck import quoted
from concord.exceptions import ConfigError, DisclosureRefused, NothingDue
from concord.landing.records import FeedState
from concord.pipeline.counting import Counting, Figures, Mart
from concord.pipeline.county import County
from concord.pipeline.publishing import PublishStep
from concord.publication.figures_out import FiguresOut, figures_out
from concord.publication.release import Release


class AggregateStep(PublishStep):
    """Makes the releases of one profile of aggregates."""

    @property
    def rule(self) -> Aggregates:
        """Return how the profile counts."""
        if self.profile.aggregates is None:
            raise ConfigError(f"profile '{self.profile.id}' is none of aggregates")
        return self.profile.aggregates

    @cached_property
    def out(self) -> tuple[FiguresOut, ...]:
        """Return the figures that are out, release by release."""
        return figures_out(self.county.zones.releases, self.profile.id)

    def due(self, night: date) -> tuple[date, ...]:
        """Return the periods to count on a night.

        Raises:
            NothingDue: There are none.
        """
        last = self.out[-1].periods[-1] if self.out else None
        periods = self.rule.due(night, last)
        if periods:
            return periods
        start = self.rule.first if last is None else following(last, self.rule.period)
        settled = following(start, self.rule.period) + timedelta(self.rule.settle_days)
        out = "no figures are out" if last is None else (
            f"the figures up to the {self.rule.period} of {last} are out in "
            f"{self.out[-1].release} and frozen"
        )  # fmt: skip
        raise NothingDue(
            f"{self.profile.id}: {out}; the {self.rule.period} of {start} is counted "
            f"from {settled} on"
        )

    def prepare_keymap(self, night: date) -> str:
        """Make the keymap of a night on which something is due; returns its name."""
        self.due(night)
        return super().prepare_keymap(night)

    def publish(self, night: date, run_id: str) -> Release:
        """Count, protect, check and publish what is due on a night.

        Raises:
            NothingDue: No period is due; what is out stays as it is.
            DisclosureRefused: A check failed; the last release stays current.
        """
        self.due(night)
        return super().publish(night, run_id)

    def _checked(
        self, con: duckdb.DuckDBPyConnection, night: date, states: Sequence[FeedState]
    ) -> tuple[Mapping[str, pa.Table], dict[str, Any]]:
        """Count the persons and put figures in the place of rows."""
        periods = self.due(night)
        tables = self._curate(con)
        marts = self._marts(tables)
        counting = Counting(con, marts, self.rule)
        self._spend(marts, periods, night)
        new = [f for period in periods for f in counting.figures(period)]
        for mart in marts:
            self._replace(con, mart, [f for f in new if f.mart is mart])
        finished = self._tables(con)
        compared = self._refuse_changed(finished)
        self._look_last(con, tables, states)
        return finished, {
            "periods": [p.isoformat() for p in (*self._periods_out, *periods)],
            "counts": [*self._made_before, *(dict(f.how) for f in new)],
            "differencing": compared,
            "scan": {"findings": 0},
        }

    def _marts(self, tables: Sequence[CuratedTable]) -> list[Mart]:
        """Return what to count, each by the strictest of the agreements behind it."""
        made = self.selected.made
        registry = self.county.registry
        marts = []
        for table in tables:
            if table.about.counts is None or table.name not in self.profile.tables:
                continue
            cells = [
                registry.agreement_of(registry.contracts[feed]).minimum_cell
                for feed in feeds_read(table, made) & registry.contracts.keys()
            ]
            threshold = max([self.rule.threshold, *cells])
            marts.append(Mart(table, table.about.counts, threshold))
        return marts

    def _inputs(self, states: Sequence[FeedState]) -> tuple[dict[str, Any], ...]:
        """Say what the counts were made from, but not how many rows: it is public."""
        return tuple(
            {name: value for name, value in entry.items() if name != "rows"}
            for entry in super()._inputs(states)
        )

    @property
    def _periods_out(self) -> tuple[date, ...]:
        return self.out[-1].periods if self.out else ()

    @property
    def _made_before(self) -> list[dict[str, Any]]:
        """Return how the figures were made that are out, of tables that still are."""
        if not self.out:
            return []
        return [dict(f) for f in self.out[-1].made if f["table"] in self.profile.tables]

    def _spend(
        self, marts: Sequence[Mart], periods: Sequence[date], night: date
    ) -> None:
        """Record the privacy loss before anything is drawn; refuse what is too much."""
        losses = [
            spent(self.profile.id, mart.name, period, night, mart.rule.epsilon)
            for mart in marts
            for period in periods
            if mart.rule.epsilon is not None
        ]
        if not losses:
            return
        budget = Budget(self.rule.epsilon_per_release, self.rule.epsilon_per_year)
        events = self.county.ledger.history.events(SPENT)
        wanted = sum(loss["epsilon"] for loss in losses)
        facts = [event.facts for event in events]
        budget.check(self.profile.id, night.year, wanted, facts)
        for loss in losses:
            self.county.ledger.record_event(SPENT, night, **loss)

    def _replace(
        self, con: duckdb.DuckDBPyConnection, mart: Mart, figures: Sequence[Figures]
    ) -> None:
        """Put a table's figures in the place of its rows: those out, and the new."""
        wanted = schema(mart.period, mart.rule)
        parts = [f.rows() for f in figures]
        if self.out and mart.name in self.out[-1].tables:
            earlier = self.out[-1].tables[mart.name]
            if {*earlier.column_names} != {*wanted.names}:
                raise DisclosureRefused(
                    f"{mart.name}: {self.out[-1].release} shows it with other columns, "
                    "and what is out is frozen. Give the changed table a new name; it "
                    "begins with the next period"
                )
            parts.insert(0, earlier.select(wanted.names).cast(wanted))
        con.register("_figures", pa.concat_tables(parts))
        con.execute(f"CREATE OR REPLACE TABLE {quoted(mart.name)} AS FROM _figures")
        con.unregister("_figures")

    def _refuse_changed(self, tables: Mapping[str, pa.Table]) -> dict[str, int]:
        """Hold every figure to what each earlier release shows of it."""
        compared = 0
        for out in self.out:
            for period in out.periods:
                names = [n for n in tables if out.how(n, period) is not None]
                before, now = (
                    [
                        from_rows(n, source[n], _period(n, tables), period, how)
                        for n in names
                        if (how := out.how(n, period)) is not None
                    ]
                    for source in (out.tables, tables)
                )
                refuse_changed(period, out.release, before, now)
                compared += sum(shown.figures.size for shown in now)
        return {"releases": len(self.out), "figures": compared, "changed": 0}


def _period(name: str, tables: Mapping[str, pa.Table]) -> str:
    """Return the column of the period: a published table's first."""
    column: str = tables[name].column_names[0]
    return column


def publish_step(county: County, profile: str) -> PublishStep:
    """Return what publishes a profile: rows, or counts of them."""
    counts = county.registry.profile(profile).aggregates is not None
    return (AggregateStep if counts else PublishStep)(county, profile)
