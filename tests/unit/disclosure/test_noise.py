"""Counts with noise: how far off they are, for whom, and when the budget is spent."""

from dataclasses import replace

import numpy as np
import pytest

from concord.disclosure.noise import Budget, spent, with_noise
from concord.exceptions import DisclosureRefused
from tests.support.counted import counted, uneven

BUDGET = Budget(per_release=1, per_year=4)


def test_noise_of_one_leaves_counts_within_three_percent() -> None:
    counts = uneven((12, 7, 4), 30, seed=3)
    cells = counts.cells[:-1, :-1, :-1]
    noisy = with_noise(counts, 1.0).cells[:-1, :-1, :-1]
    enough = cells >= 11
    relative = np.abs(noisy - cells)[enough] / cells[enough]
    assert 0 < relative.mean() <= 0.05
    assert relative[cells[enough] >= 30].mean() <= 0.03
    assert (noisy >= 0).all()


def test_sums_are_those_of_the_noisy_cells() -> None:
    noisy = with_noise(uneven((5, 4), 30, seed=3), 0.5)
    assert all(noisy.additive)


def test_smaller_epsilon_is_more_noise() -> None:
    counts = counted(np.full((40, 40), 500), axes="ab")

    def spread(epsilon: float) -> float:
        noisy = with_noise(counts, epsilon).cells[:-1, :-1]
        return float(np.abs(noisy - 500).mean())

    assert spread(0.1) > 3 * spread(1.0)


def test_who_stands_in_two_cells_is_refused() -> None:
    counts = replace(counted([8, 8]), cells=np.array([8, 8, 12]))
    with pytest.raises(DisclosureRefused, match="give each person one row a period"):
        with_noise(counts, 1.0)


def test_a_release_and_a_year_have_a_budget() -> None:
    past = [{"profile": "public", "year": 2026, "epsilon": 1.0}] * 3
    BUDGET.check("public", 2026, 1.0, past)
    BUDGET.check("public", 2026, 1.0, [*past, {**past[0], "year": 2025}])
    BUDGET.check("public", 2026, 1.0, [*past, {**past[0], "profile": "school"}])
    with pytest.raises(DisclosureRefused, match=r"loss of 4\.5 in the year 2026"):
        BUDGET.check("public", 2026, 1.0, [*past, {**past[0], "epsilon": 0.5}])
    with pytest.raises(DisclosureRefused, match=r"loss of 1\.2 in a release"):
        BUDGET.check("public", 2026, 1.2, [])


def test_what_was_spent_says_for_what() -> None:
    from datetime import date

    fact = spent("public", "injury_gap", date(2025, 10, 1), date(2026, 1, 20), 0.5)
    assert fact == {
        "profile": "public",
        "table": "injury_gap",
        "period": "2025-10-01",
        "year": 2026,
        "epsilon": 0.5,
    }
