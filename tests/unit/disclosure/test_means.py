"""Means over persons, and when one or two of them would be seen in it."""

from datetime import date

import duckdb
import numpy as np
import pytest

from concord.disclosure.counts import Dimension
from concord.disclosure.dominance import dominated
from concord.disclosure.means import mean_by_cell

SEX = Dimension("sex", ("F", "M"))


@pytest.mark.parametrize(
    ("values", "is_dominated"),
    [
        ([1.0] * 20, False),
        ([50, 45, *[1.0] * 10], True),  # two have 90 percent: nk
        ([100, 60, 5, 3], True),  # the others are less than a tenth of the largest: p
        ([100, 60, 20, 20], False),
        ([0.0] * 20, True),  # that all have none is known of each
    ],
)
def test_a_total_is_dominated_by_the_nk_or_the_p_rule(values, is_dominated) -> None:
    largest = sorted(values, reverse=True)[:2]
    assert dominated(sum(values), largest) is is_dominated


def test_means_are_over_persons_and_shown_of_enough_of_them_only() -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE stay (quarter DATE, sex VARCHAR, who VARCHAR, nights DOUBLE)"
        )
        women = [("F", f"w{n % 12}", 2.0) for n in range(24)]  # two stays each
        men = [("M", f"m{n}", 6.0) for n in range(5)]
        con.executemany("INSERT INTO stay VALUES ('2026-01-01', ?, ?, ?)", women + men)
        means = mean_by_cell(con, "stay", ("who", "quarter", "nights"), (SEX,), 11)
    found = means[date(2026, 1, 1)]
    assert found[0] == 4.0
    assert np.isnan(found[1]), "five men"
    assert found[2] == pytest.approx((48 + 30) / 17)


def test_a_mean_that_one_person_makes_is_not_shown() -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE stay (quarter DATE, sex VARCHAR, who VARCHAR, nights DOUBLE)"
        )
        rows = [("F", f"w{n}", 1.0) for n in range(12)] + [("F", "long", 500.0)]
        con.executemany("INSERT INTO stay VALUES ('2026-01-01', ?, ?, ?)", rows)
        means = mean_by_cell(con, "stay", ("who", "quarter", "nights"), (SEX,), 11)
    assert np.isnan(means[date(2026, 1, 1)]).all()
