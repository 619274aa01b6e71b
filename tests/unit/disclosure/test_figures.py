"""Figures as published rows: shares of what shows, and the same figures read back."""

from datetime import date

import numpy as np
import pytest

from concord.contracts.aggregates import Aggregates, CountRule, following, period_of
from concord.disclosure.cells import CellRule, show
from concord.disclosure.counts import Counts
from concord.disclosure.figures import dimensions, from_rows, to_rows
from concord.disclosure.noise import with_sums

QUARTER = date(2026, 1, 1)
COUNTED = CountRule(
    person="who",
    dimensions={"known": ("yes", "no"), "sex": ("F", "M")},
    share="known",
)


def counts(cells, rule: CountRule = COUNTED) -> Counts:
    return Counts("hurt", dimensions(rule), with_sums(np.array(cells)))


def test_shares_are_of_rounded_counts_and_only_where_both_show() -> None:
    shown = show(counts([[31, 4], [62, 80]]), CellRule(), 5)
    rows = to_rows("quarter", QUARTER, shown, COUNTED).to_pylist()
    by = {(r["known"], r["sex"]): r for r in rows}
    assert by["yes", "F"]["share"] == round(30 / 95, 3)
    assert by["no", "all"]["share"] == round(140 / 175, 3)
    withheld = by["yes", "M"]
    assert (withheld["persons"], withheld["share"]) == (None, None)
    assert withheld["disclosure_state"] == "suppressed"
    assert by["all", "F"]["share"] is None, "of itself"
    assert len(rows) == 9


def test_shares_near_none_and_all_are_coded_where_the_rule_says_so() -> None:
    coded = COUNTED.model_copy(update={"top_bottom": True})
    shown = show(counts([[11, 300], [990, 300]]), CellRule(), 5)
    rows = to_rows("quarter", QUARTER, shown, coded).to_pylist()
    by = {(r["known"], r["sex"]): r["share"] for r in rows}
    assert (by["yes", "F"], by["no", "F"], by["yes", "M"]) == (0.05, 0.95, 0.5)


def test_a_dimension_that_was_summed_over_says_all() -> None:
    shown = show(counts([[31, 40], [62, 80]]).without_finest(), CellRule(), 5)
    rows = to_rows("quarter", QUARTER, shown, COUNTED).to_pylist()
    assert [(r["known"], r["sex"], r["persons"]) for r in rows] == [
        ("yes", "all", 70),
        ("no", "all", 140),
        ("all", "all", 215),
    ]


def test_figures_are_read_back_as_they_were_shown() -> None:
    shown = show(counts([[31, 4], [62, 80]]), CellRule(), 5)
    rows = to_rows("quarter", QUARTER, shown, COUNTED)
    how = {
        "threshold": 11, "base": 5, "zeros_disclosive": False, "additive": [True, True]
    }  # fmt: skip
    back = from_rows("hurt", rows, "quarter", QUARTER, how)
    low, high = shown.bounds()
    back_low, back_high = back.bounds()
    order = [back.dimensions[0].places.index(v) for v in shown.dimensions[0].places]
    assert back_low[order].tolist() == low.tolist()
    assert back_high[order].tolist() == high.tolist()
    assert back.additive == (True, True)


# Periods ------------------------------------------------------------------------


def test_a_period_is_due_once_it_has_settled_and_until_it_is_out() -> None:
    rule = Aggregates(period="quarter", first=date(2025, 4, 1), settleDays=14)
    quarters = (date(2025, 4, 1), date(2025, 7, 1))
    assert rule.due(date(2025, 10, 14), None) == quarters[:1]
    assert rule.due(date(2025, 10, 15), None) == quarters
    assert rule.due(date(2025, 10, 15), quarters[0]) == quarters[1:]
    assert rule.due(date(2025, 12, 31), quarters[1]) == ()


@pytest.mark.parametrize(
    ("unit", "day", "first", "after"),
    [
        ("month", date(2025, 12, 31), date(2025, 12, 1), date(2026, 1, 1)),
        ("quarter", date(2025, 12, 31), date(2025, 10, 1), date(2026, 1, 1)),
        ("quarter", date(2025, 4, 1), date(2025, 4, 1), date(2025, 7, 1)),
        ("year", date(2024, 2, 29), date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_periods_begin_where_the_calendar_says(unit, day, first, after) -> None:
    assert period_of(day, unit) == first
    assert following(first, unit) == after


def test_a_first_period_that_begins_inside_one_is_refused() -> None:
    with pytest.raises(ValueError, match="first is not the first day of a quarter"):
        Aggregates(period="quarter", first=date(2025, 2, 1))
