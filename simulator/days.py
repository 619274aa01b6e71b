"""The county's calendar: days as integers, school days, clock changes."""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from simulator.randomness import Floats, Ints

EPOCH = date(1970, 1, 1)
_YEARS = range(2020, 2046)

# Peak hours of violence and of ordinary business, one weight for each hour.
NIGHT_HOURS = np.array(
    [9, 8, 6, 3, 2, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 9, 10, 11, 11],
    dtype=np.float64,
)
BUSINESS_HOURS = np.array(
    [1, 1, 1, 1, 1, 1, 2, 5, 8, 9, 9, 9, 8, 8, 8, 8, 7, 6, 5, 4, 4, 3, 2, 2],
    dtype=np.float64,
)


def history_start(first_night: date) -> date:
    """Give the first day of the full load's history: a year and some days."""
    return date(first_night.year - 1, 1, 1)


def number(day: date) -> int:
    """Count days since 1970-01-01."""
    return (day - EPOCH).days


def day(value: int) -> date:
    """Turn a day number back into a date."""
    return EPOCH + timedelta(days=int(value))


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    """Give the nth such weekday of a month; Monday is 0."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def clock_changes(year: int) -> tuple[date, date]:
    """Give the days on which Chicago's clocks go forward and back."""
    return _nth(year, 3, 6, 2), _nth(year, 11, 6, 1)


def existing_minutes(days: Ints, minutes: Ints) -> Ints:
    """Move times in the lost hour of spring one hour on: nobody's clock shows it."""
    moved = minutes.copy()
    for year in _YEARS:
        lost = days == number(clock_changes(year)[0])
        moved = np.where(lost & (moved // 60 == 2), moved + 60, moved)
    return moved


def summer_time_sql(column: str) -> str:
    """Give SQL that is true where a local timestamp is in daylight saving time."""
    spans = []
    for year in _YEARS:
        spring, autumn = clock_changes(year)
        spans.append(
            f"({column} >= TIMESTAMP '{spring} 03:00:00' "
            f"AND {column} < TIMESTAMP '{autumn} 02:00:00')"
        )
    return "(" + " OR ".join(spans) + ")"


@lru_cache
def _closed(year: int) -> frozenset[date]:
    """List a year's holidays, the week of Thanksgiving and spring break."""
    thanksgiving = _nth(year, 11, 3, 4)
    spring = _nth(year, 3, 0, 4)
    single = (
        _nth(year, 1, 0, 3),
        _nth(year, 2, 0, 3),
        _nth(year, 5, 0, 5) if _nth(year, 5, 0, 5).month == 5 else _nth(year, 5, 0, 4),
        _nth(year, 9, 0, 1),
        _nth(year, 10, 0, 2),
        date(year, 11, 11),
    )
    around = (thanksgiving + timedelta(days=n) for n in (-1, 0, 1))
    week = (spring + timedelta(days=n) for n in range(5))
    return frozenset((*single, *around, *week))


def school_year(year: int) -> tuple[date, date]:
    """Give the first and last school day; the year 2026 began in August 2025."""
    middle = date(year - 1, 8, 15)
    first_monday = middle + timedelta(days=-middle.weekday() % 7)
    return first_monday, date(year, 5, 29)


def is_school_day(value: date) -> bool:
    """Tell whether schools are open."""
    if value.weekday() > 4 or value in _closed(value.year):
        return False
    if (value.month, value.day) >= (12, 20) or (value.month, value.day) < (1, 5):
        return False
    return any(
        first <= value <= last
        for first, last in (school_year(value.year), school_year(value.year + 1))
    )


def school_days(first: date, end: date) -> Ints:
    """List the school days from ``first`` up to, not including, ``end``."""
    every = (first + timedelta(days=n) for n in range((end - first).days))
    return np.array([number(d) for d in every if is_school_day(d)], dtype=np.int64)


def minutes_of_day(
    rng: np.random.Generator, hours: Floats, days: Ints, latest: int = 1439
) -> Ints:
    """Draw minutes of the day by hourly weights, never in the lost hour of spring."""
    hour = rng.choice(24, size=len(days), p=hours / hours.sum())
    minutes = np.minimum(hour * 60 + rng.integers(0, 60, len(days)), latest)
    return existing_minutes(days, minutes.astype(np.int64))
