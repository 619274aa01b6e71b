"""Hiding people who stand alone in a release, and proving that it worked."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from concord.contracts.models import ReleaseProfile
from concord.curation.sql_files import CuratedTable
from concord.disclosure.histories import PERSONS, TOKEN
from concord.disclosure.k_anonymity import Risk, protect
from concord.disclosure.risk_gate import Measures, RiskGate
from concord.pipeline.county import County


@dataclass(frozen=True)
class Protected:
    """Tables whose people were hidden, and how they stood out before."""

    risk: Risk
    gate: RiskGate
    before: Measures

    def proven(self, con: duckdb.DuckDBPyConnection) -> dict[str, object]:
        """Measure the tables as they would leave; returns all that was found.

        Raises:
            RiskRefused: A measure is beyond its limit.
        """
        after = self.gate.measure(con, whole=True)
        self.gate.refuse_above_limits(after)
        return {**self.risk.summary(), **self.gate.summary(self.before, after)}


def protect_persons(
    con: duckdb.DuckDBPyConnection,
    county: County,
    profile: ReleaseProfile,
    tables: Sequence[CuratedTable],
) -> Protected:
    """Measure the tables of a release, then bring its persons to k, in place.

    Raises:
        RiskRefused: The persons can't be brought to k within the profile's rule.
    """
    rule = profile.hiding
    gate = RiskGate(
        f"include/releases/{profile.id}.yaml",
        profile.risk,
        rule.k,
        {t.name: t.about.key for t in tables if t.name in profile.tables},
        county.settings.include / "reference",
    )
    before = gate.measure(con, whole=False)
    return Protected(protect(con, PERSONS, TOKEN, rule), gate, before)
