"""Counts with random noise (differential privacy), and the budget that it spends.

Each person counts in one cell, so that integer Laplace noise of scale 1/ε in every
cell is ε-differentially private. Sums are sums of the noisy cells, so that they say
nothing more. The noise comes from OpenDP and can't be drawn the same again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from concord.disclosure.counts import Counts, Ints
from concord.exceptions import DisclosureRefused

SPENT = "privacy_budget_spent"
"""The ledger's event of a privacy loss."""


@dataclass(frozen=True)
class Budget:
    """How much privacy loss a profile allows."""

    per_release: float
    per_year: float

    def check(
        self, profile: str, year: int, wanted: float, spent: Iterable[Mapping[str, Any]]
    ) -> None:
        """Refuse a loss that is more than is left.

        Args:
            profile: Whose tables are to be shown.
            year: The year in which they are.
            wanted: The loss of all their new counts together.
            spent: Facts of the ledger's events of losses, of all profiles.

        Raises:
            DisclosureRefused: The release or the year would lose more than allowed.
        """
        already = sum(
            fact["epsilon"]
            for fact in spent
            if (fact["profile"], fact["year"]) == (profile, year)
        )
        for limit, loss, what in (
            (self.per_release, wanted, "a release"),
            (self.per_year, already + wanted, f"the year {year}"),
        ):
            if loss > limit:
                raise DisclosureRefused(
                    f"{profile}: noise with a privacy loss of {loss:g} in {what}, "
                    f"where {limit:g} is allowed. Lower epsilon, or begin later"
                )


def with_noise(counts: Counts, epsilon: float) -> Counts:
    """Return a table of which each person has changed one cell, with noise.

    Raises:
        DisclosureRefused: Somebody stands in two cells.
    """
    if not all(counts.additive):
        raise DisclosureRefused(
            f"{counts.name}: somebody stands in two cells, and noise is measured out "
            "for one. Let the table's SQL give each person one row a period"
        )
    cells = counts.cells[tuple(slice(0, -1) for _ in counts.dimensions)]
    noisy = np.maximum(_laplace(cells.ravel(), epsilon).reshape(cells.shape), 0)
    return replace(counts, cells=with_sums(noisy))


def with_sums(cells: Ints) -> Ints:
    """Return cells with the sums over each axis, and over several."""
    for axis in range(cells.ndim):
        cells = np.concatenate([cells, cells.sum(axis, keepdims=True)], axis)
    return cells


def _laplace(cells: Ints, epsilon: float) -> Ints:
    """Draw from the integer Laplace distribution around each cell."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    measurement: Any = dp.m.make_laplace(*space, scale=1 / epsilon)
    if measurement.map(1) > epsilon * (1 + 1e-9):
        raise DisclosureRefused(f"noise of scale {1 / epsilon:g} loses more than asked")
    return np.asarray(measurement(cells.tolist()), np.int64)


def spent(
    profile: str, table: str, period: date, night: date, epsilon: float
) -> dict[str, Any]:
    """Return the facts of a loss, for the ledger."""
    return {
        "profile": profile,
        "table": table,
        "period": period.isoformat(),
        "year": night.year,
        "epsilon": epsilon,
    }
