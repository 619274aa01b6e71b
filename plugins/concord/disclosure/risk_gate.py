"""The gate on disclosure risk: what a profile wants measured, and where it refuses.

Each declared set is measured by itself. What one release shows is also measured
together: who knows everything that the sets name (``joined``), and who knows on which
of the published dates something happened to a person (``trajectories``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from concord.contracts.risk import (
    JOINED,
    TRAJECTORIES,
    WHOLE,
    ClassLimits,
    Limits,
    RiskRules,
    RiskSet,
)
from concord.disclosure.histories import (
    FINGERPRINT,
    PERSON,
    PERSONS,
    Shown,
    fingerprints,
)
from concord.disclosure.ladder import STATE
from concord.disclosure.measures import Measured, measure
from concord.disclosure.population import OfPopulation, among
from concord.duck import literal, quoted
from concord.exceptions import RiskRefused

_REMEDY = (
    "Coarsen an action or a quasi-identifier in the release profile, or take out a "
    "column; nothing was published"
)


@dataclass(frozen=True)
class Measures:
    """What was measured of one release at one moment."""

    by_name: Mapping[str, Measured]
    """By the id of a set, and by ``joined`` and ``trajectories``."""
    of_population: Mapping[str, OfPopulation]


@dataclass(frozen=True)
class RiskGate:
    """Measures one release by its profile's rules.

    Args:
        where: The profile's file, for messages.
        rules: What is measured, and limits.
        k: Persons in smaller classes are at risk, where a limit names no k.
        keys: The tables that the release will show, with their keys.
        reference: Folder of the population tables that sets name.
    """

    where: str
    rules: RiskRules
    k: int
    keys: Mapping[str, Sequence[str]]
    reference: Path

    def measure(self, con: duckdb.DuckDBPyConnection, *, whole: bool) -> Measures:
        """Measure every set as the tables stand.

        Args:
            con: Connection that holds the tables.
            whole: Whether trajectories are measured too; what hides people doesn't
                change them.
        """
        rules = self.rules
        look = _Look(con, Shown.in_database(con, self.keys), self)
        found = {one.id: look.at(one) for one in rules.sets}
        if rules.joined is not None:
            found[JOINED] = look.at_all_sets(self.below(rules.joined))
        if rules.trajectories is not None and whole:
            found[TRAJECTORIES] = look.at_dates(self.below(rules.trajectories))
        return Measures(
            found,
            {
                one.id: among(con, look.rows(one), self.reference / one.population, one)
                for one in rules.sets
                if one.population is not None
            },
        )

    def refuse_above_limits(self, measures: Measures) -> None:
        """Refuse a release that is riskier than its profile allows.

        Raises:
            RiskRefused: Says every measure that is beyond its limit.
        """
        limits = self.rules.limits
        beyond = [
            f"{name}: {problem}"
            for name, measured in measures.by_name.items()
            for problem in _beyond(limits[name], measured)
        ]
        for one in self.rules.sets:
            asked = one.limits.population_k
            found = measures.of_population.get(one.id)
            anybody = measures.by_name[one.id].persons
            if asked is not None and found and anybody and found.k < asked:
                beyond.append(f"{one.id}: populationK is {found.k}, {asked} required")
        if beyond:
            raise RiskRefused("RISK_ABOVE_LIMIT", "; ".join(beyond), _REMEDY)

    def summary(self, before: Measures, after: Measures) -> dict[str, object]:
        """Return rules and measures as a manifest shows them."""
        rules = self.rules

        def entry(name: str, limits: ClassLimits) -> dict[str, object]:
            moments = {"before": before, "after": after}
            return {
                "limits": limits.model_dump(by_alias=True, exclude_none=True),
                **{
                    moment: measures.by_name[name].summary()
                    for moment, measures in moments.items()
                    if name in measures.by_name
                },
                **{
                    f"population_{moment}": asdict(measures.of_population[name])
                    for moment, measures in moments.items()
                    if name in measures.of_population
                },
            }

        return {
            "sets": [
                {
                    "id": one.id,
                    "table": one.table,
                    "quasi_identifiers": list(one.quasi_identifiers),
                    "k": self.below(one.limits),
                    **entry(one.id, one.limits),
                }
                for one in rules.sets
            ],
            **{
                name: {"k": self.below(limits), **entry(name, limits)}
                for name, limits in rules.limits.items()
                if name in WHOLE
            },
        }

    def below(self, limits: ClassLimits) -> int:
        """Return the class size below which a person counts as at risk."""
        return limits.k or self.k


@dataclass(frozen=True)
class _Look:
    """A look at the tables at one moment."""

    con: duckdb.DuckDBPyConnection
    shown: Shown
    gate: RiskGate

    def at(self, one: RiskSet) -> Measured:
        """Measure one set."""
        return measure(
            self.con,
            self.rows(one),
            self._columns(one),
            self.gate.below(one.limits),
            sensitive=one.sensitive,
            person=None if one.table == PERSONS else PERSON,
        )

    def at_all_sets(self, k: int) -> Measured:
        """Measure persons by all that any set names of them and of their events."""
        facts = [
            f"SELECT {PERSON}, hash({literal(one.id)}, "
            f"{', '.join(map(quoted, one.quasi_identifiers))}) AS fact "
            f"FROM {self.rows(one)}"
            for one in self.gate.rules.sets
            if one.table != PERSONS
        ]
        own = self._of_persons()
        listed = "".join(f", {quoted(column)}" for column in own)
        rows = f"SELECT rowid AS {PERSON}{listed} FROM {quoted(PERSONS)}"
        if not facts:
            return measure(self.con, f"({rows})", own, k)
        joined = f"({rows}) LEFT JOIN ({fingerprints(facts)}) USING ({PERSON})"
        return measure(self.con, f"(FROM {joined})", (*own, FINGERPRINT), k)

    def at_dates(self, k: int) -> Measured:
        """Measure persons by the dates on which anything happened to them."""
        rows = f"({fingerprints(list(self.shown.dates()))})"
        return measure(self.con, rows, [FINGERPRINT], k)

    def rows(self, one: RiskSet) -> str:
        """Return the query of a set's rows."""
        where = f"{self.gate.where}: set '{one.id}'"
        columns = dict.fromkeys((*self._columns(one), *one.sensitive))
        return self.shown.rows(where, one.table, tuple(columns))

    def _columns(self, one: RiskSet) -> tuple[str, ...]:
        """Return a set's columns, with the published state of the person's own."""
        state = (STATE,) if STATE in self.shown.columns[PERSONS] else ()
        return (*one.quasi_identifiers, *state)

    def _of_persons(self) -> tuple[str, ...]:
        """Return the columns of ``person`` that any set names."""
        persons = self.shown.columns[PERSONS]
        named = [
            column
            for one in self.gate.rules.sets
            for column in self._columns(one)
            if column in persons
            and (one.table == PERSONS or column not in self.shown.columns[one.table])
        ]
        return tuple(dict.fromkeys(named))


def _beyond(limits: ClassLimits, measured: Measured) -> list[str]:
    """Say which measures are beyond their limits; no person, no risk."""
    if not measured.persons:
        return []
    found = []
    if limits.k is not None and measured.k < limits.k:
        found.append(f"k is {measured.k}, {limits.k} required")
    shares = {
        "uniqueShare": (measured.unique, limits.unique_share),
        "atRiskShare": (measured.at_risk, limits.at_risk_share),
    }
    for name, (persons, limit) in shares.items():
        if limit is not None and measured.share(persons) > limit:
            share = measured.share(persons)
            found.append(f"{name} is {share:.2%}, {limit:.2%} allowed")
    if isinstance(limits, Limits):
        for of in measured.values:
            for name, limit in limits.on_values.items():
                value = getattr(of, name)
                too_low = name in ("l", "entropy_l") and value < limit
                too_high = name in ("t", "delta", "beta") and value > limit
                if too_low or too_high:
                    found.append(f"{name} of {of.column} is {value:g}, limit {limit:g}")
    return found
