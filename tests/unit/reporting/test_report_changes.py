"""What counts as a change of completeness or validity, and what is noise."""

from dataclasses import replace
from datetime import date

import pytest

from concord.reporting.changes import compare
from concord.reporting.counts import Count, Value
from concord.reporting.model import (
    Change,
    ColumnLine,
    Facts,
    FeedQuality,
    RuleLine,
    Standing,
)


def facts(share: Value, present: Count = 400, broken: Count = 0) -> Facts:
    column = ColumnLine(
        "incident", "beat", "may be empty", 500, present, share, share == 1.0
    )
    rule = RuleLine(
        "police_rms", "incident", "code:beat", "beat", "why", "warning", False,
        500, broken, 0.0, 1.0,
    )  # fmt: skip
    standing = Standing(
        "police_rms", "Records", "Police", "police", "delivered", "", None, 0,
        None, None, None, None,
    )  # fmt: skip
    quality = FeedQuality("police_rms", "Police", None, (column,), (rule,))
    return Facts(
        date(2026, 1, 5), (standing,), (), (), (), (quality,), None, ()
    )  # fmt: skip


def test_the_first_night_has_nothing_to_compare_with() -> None:
    assert compare(None, facts(0.5)) == ()


@pytest.mark.parametrize(
    ("then", "now", "is_told"),
    [(0.968, 0.912, True), (0.912, 0.968, True), (0.961, 0.968, False)],
)
def test_a_rate_is_told_where_it_moved_by_a_point(
    then: float, now: float, is_told: bool
) -> None:
    told = compare(facts(then), facts(now))

    change = Change("Police", "incident: beat filled in", f"{then:.1%}", f"{now:.1%}")
    assert told == ((change,) if is_told else ())


def test_a_rate_made_of_a_hidden_count_does_not_move() -> None:
    assert compare(facts(0.167, "fewer than 8"), facts(0.143, "fewer than 8")) == ()


def test_a_rule_is_told_when_it_begins_to_be_broken_only() -> None:
    assert compare(facts(0.9), facts(0.9, broken=25)) == (
        Change("Police", "incident: rule code:beat broken", "0", "25"),
    )
    assert compare(facts(0.9, broken=25), facts(0.9)) == ()


def test_a_feed_that_is_new_is_told() -> None:
    before = replace(facts(0.9), standings=(), quality=())

    assert compare(before, facts(0.9)) == (
        Change("Police", "Status", "none", "Delivered"),
    )
