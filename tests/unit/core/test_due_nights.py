"""When a feed is due, when it lags and when it is late, by its contract's cron."""

from datetime import date, timedelta

import pytest

from concord.contracts.cadence import Cadence, checked_cron

NIGHTLY = Cadence("0 3 * * *")
WEEKLY = Cadence("30 2 * * 1", grace_days=1)
MONTHLY = Cadence("0 3 5 * *", grace_days=3)
QUARTERLY = Cadence("0 4 15 1,4,7,10 *", grace_days=10)
WEEKDAYS = Cadence("0 3 * * 1-5")
MONTH_END = Cadence("0 3 L * *")


@pytest.mark.parametrize(
    ("cadence", "night", "last", "following"),
    [
        (NIGHTLY, date(2026, 3, 8), date(2026, 3, 8), date(2026, 3, 9)),
        (WEEKLY, date(2026, 1, 7), date(2026, 1, 5), date(2026, 1, 12)),
        (MONTHLY, date(2026, 1, 5), date(2026, 1, 5), date(2026, 2, 5)),
        (MONTHLY, date(2026, 1, 4), date(2025, 12, 5), date(2026, 1, 5)),
        (QUARTERLY, date(2026, 3, 31), date(2026, 1, 15), date(2026, 4, 15)),
        (WEEKDAYS, date(2026, 1, 11), date(2026, 1, 9), date(2026, 1, 12)),
        (MONTH_END, date(2028, 2, 28), date(2028, 1, 31), date(2028, 2, 29)),
    ],
)
def test_due_nights_are_those_that_the_cron_names(
    cadence, night, last, following
) -> None:
    assert cadence.last_due(night) == last
    assert cadence.due_after(night) == following


def test_a_monthly_feed_is_late_only_after_its_due_day_and_grace() -> None:
    january = date(2026, 1, 5)
    expected = {4: (0, False), 5: (1, False), 7: (3, False), 8: (4, True)}
    for day, judged in expected.items():
        night = date(2026, 2, day)
        found = MONTHLY.lag(january, night), MONTHLY.is_late(january, night)
        assert found == judged, night
    assert MONTHLY.lag(date(2026, 2, 6), date(2026, 3, 4)) == 0


def test_a_due_night_that_was_missed_stays_owed_when_the_next_is_due() -> None:
    assert WEEKLY.lag(date(2026, 1, 5), date(2026, 1, 19)) == 8
    assert WEEKLY.is_late(date(2026, 1, 5), date(2026, 1, 19))


def test_a_feed_that_never_came_owes_its_last_due_night() -> None:
    assert MONTHLY.lag(None, date(2026, 1, 5)) == 1
    assert MONTHLY.is_late(None, date(2026, 1, 8))


def test_a_nightly_feed_lags_as_many_nights_as_passed() -> None:
    for nights in range(5):
        night = date(2026, 3, 8) + timedelta(days=nights)
        assert NIGHTLY.lag(date(2026, 3, 8), night) == nights
        assert NIGHTLY.is_late(date(2026, 3, 8), night) is (nights > 0)


def test_the_agency_is_asked_at_its_time_every_night() -> None:
    assert QUARTERLY.nightly_cron == "0 4 * * *"
    assert NIGHTLY.every_night
    assert not WEEKDAYS.every_night


def test_weekdays_are_told_apart_where_a_feed_comes_several_times_a_week() -> None:
    monday = date(2026, 1, 5)
    several = [c.several_a_week(monday) for c in (NIGHTLY, WEEKDAYS, WEEKLY, MONTHLY)]
    assert several == [True, True, False, False]
    assert WEEKDAYS.due_nights(date(2026, 1, 9), date(2026, 1, 12)) == 1


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("@monthly", "no cron of five fields"),
        ("0 3 32 * *", "no cron of five fields"),
        ("0 3 * * * *", "no cron of five fields"),
        ("*/5 3 * * *", "several times a night"),
        ("0 3,15 * * *", "several times a night"),
        ("0 3 30 2 *", "a night that no year has"),
    ],
)
def test_a_cron_that_names_no_nights_is_refused(cron, told) -> None:
    with pytest.raises(ValueError, match=told):
        checked_cron(cron)
