"""A million cases of each rule that people are found by, against other reckoning.

The oracles are numpy's calendar and tables by number; they share no line with the SQL.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from concord.contracts.ages import completed_years_sql
from concord.deidentification.actions import (
    age_band,
    birth_year,
    generalise_date,
    zip3,
)
from concord.deidentification.oldest import (
    born_sql,
    limits,
    unless_oldest,
    within_years,
)
from concord.deidentification.shifting import Shift
from concord.parsing.casting import Casting
from tests.support.deidentified import registry, tokeniser, zip3_table

MILLION = 1_000_000
NIGHT = date(2026, 1, 5)
EPOCH = date(1970, 1, 1)
BANDS = (0, 12, 15, 18, 25, 35, 45, 55, 65, 75, 85)
ABSENT = -1


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    # One thread: rows come in the order in which they were given.
    with duckdb.connect(config={"threads": 1}) as con:
        yield con


def day(year: int) -> int:
    return (date(year, 1, 1) - EPOCH).days


def days_between(first: int, last: int, seed: int) -> np.ndarray:
    """Draw days of some years; every fifth is 28 or 29 February or 1 March."""
    chance = np.random.default_rng(seed)
    drawn = chance.integers(day(first), day(last), MILLION)
    years = chance.integers(first, last, MILLION)
    march = np.array([(date(y, 3, 1) - EPOCH).days for y in range(first, last)])
    around = march[years - first] - chance.integers(0, 3, MILLION)
    return np.where(chance.random(MILLION) < 0.2, around, drawn)


def dates(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[D]")


def year_of(days: np.ndarray) -> np.ndarray:
    return dates(days).astype("datetime64[Y]").astype(int) + 1970


def ages(births: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Count by the birthday of the year: the month's first day and what was past it.

    29 February is the first of February and 28 days: 1 March in a common year.
    """
    months = dates(births).astype("datetime64[M]")
    past = (dates(births) - months.astype("datetime64[D]")).astype(int)
    month = months.astype(int) % 12
    years = year_of(on)
    birthday = ((years - 1970) * 12 + month).astype("datetime64[M]")
    reached = birthday.astype("datetime64[D]").astype(int) + past <= on
    return years - year_of(births) - ~reached


def column(con, sql: str, **given: object) -> np.ndarray:
    """Evaluate SQL over columns, as whole numbers; ABSENT where it is NULL."""
    con.register("given", pa.table(given))
    made = con.execute(f"SELECT coalesce({sql}, {ABSENT}) AS made FROM given")
    return made.fetchnumpy()["made"].astype(np.int64)


def test_a_million_ages(con):
    births, on = days_between(1900, 2030, 1), days_between(1950, 2035, 2)

    made = column(
        con, completed_years_sql("birth", "day"), birth=dates(births), day=dates(on)
    )

    assert (made != ages(births, on)).sum() == 0


def test_a_million_bands_and_years_of_birth(con):
    births, on = days_between(1890, 2030, 3), days_between(1950, 2026, 4)
    known = ages(births, on)

    names = ", ".join(f"'{low}-{high - 1}'" for low, high in pairwise(BANDS))
    place = f"list_position([{names}, '85+'], {age_band('age', BANDS)})"
    bands = column(con, place, age=known)
    years = column(con, birth_year("birth", NIGHT, 90), birth=dates(births))

    told = (known >= 0) & (known <= 120)
    assert (bands != np.where(told, np.digitize(known, BANDS), ABSENT)).sum() == 0
    tonight = ages(births, np.full(MILLION, (NIGHT - EPOCH).days))
    one_year = np.maximum(year_of(births), NIGHT.year - 90)
    absurd = (tonight < 0) | (tonight > 120)
    assert (years != np.where(absurd, ABSENT, one_year)).sum() == 0


def test_in_a_million_rows_no_age_of_90_can_be_reckoned(con):
    births, on = days_between(1906, 2020, 5), days_between(1906, 2080, 6)
    person = limits("born", NIGHT.year, 90)
    relation = ", ".join(f"{sql} AS {name}" for name, sql in person.items())
    con.register("given", pa.table({"birth": dates(births), "day": dates(on)}))
    con.execute(
        f"CREATE TABLE made AS SELECT birth, day, "
        f"{within_years(generalise_date('day', 'year'), 'day', 'person')} AS said_day, "
        f"{unless_oldest(age_band('age', BANDS), 'person')} AS band, "
        f"{birth_year('birth', NIGHT, 90)} AS said_born FROM ("
        f"SELECT *, {completed_years_sql('birth', 'day')} AS age, "
        f"{born_sql('birth', NIGHT.year)} AS born FROM given) AS rows, "
        f"LATERAL (SELECT {relation}) AS person"
    )
    made = con.execute(
        "SELECT count(said_day), count(band), "
        # From year of birth and date; who has the oldest's year is of it or earlier.
        "count_if(year(said_day) - said_born >= 90 "
        f"AND said_born > {NIGHT.year - 90}), "
        # A date of which only somebody of 90 or more can speak.
        f"count_if(year(said_day) <= {NIGHT.year - 90}), "
        # From an age at an event and the years since.
        "count_if(CAST(regexp_extract(band, '^[0-9]+') AS INTEGER) "
        f"+ {NIGHT.year} - year(day) - 1 >= 90 AND day <= DATE '{NIGHT}'), "
        "count_if(band IS NOT NULL AND said_born = "
        f"{NIGHT.year - 90} AND year(birth) < {NIGHT.year - 90}) FROM made"
    ).fetchall()

    days_told, bands_told, *violations = made[0]
    assert violations == [0, 0, 0, 0]
    assert days_told > MILLION // 4
    assert bands_told > MILLION // 4


@pytest.mark.parametrize("unit", ["year", "quarter", "month", "week", "day"])
def test_a_million_dates(con, unit: str):
    chance = np.random.default_rng(7)
    days = days_between(1800, 2100, 8)
    moments = days.astype("datetime64[D]").astype("datetime64[us]") + chance.integers(
        0, 86_400_000_000, MILLION
    ).astype("timedelta64[us]")

    made = column(
        con, f"{generalise_date('moment', unit)} - DATE '1970-01-01'", moment=moments
    )

    months = dates(days).astype("datetime64[M]").astype(int)
    first = {
        "year": (months // 12 * 12).astype("datetime64[M]"),
        "quarter": (months // 3 * 3).astype("datetime64[M]"),
        "month": months.astype("datetime64[M]"),
        "week": dates(days - (days + 3) % 7),  # 1 January 1970 was a Thursday
        "day": dates(days),
    }[unit]
    # ABSENT is 31 December 1969 too, which no unit but day and week begins with.
    assert (made != first.astype("datetime64[D]").astype(int)).sum() == 0


FORMS = (
    "%s",
    "%s-1234",
    "%s1234",
    "  %s ",
    "%s-",
    "%s-12",
    "0%s",
    "%sx",
    "-%s",
    "%s 1",
)
WELL_FORMED = 4
"""So many of the forms are ZIP codes."""


def test_a_million_zip_codes(con):
    chance = np.random.default_rng(9)
    codes = chance.integers(0, 100_000, MILLION)
    forms = chance.integers(0, len(FORMS), MILLION)
    listed = "[" + ", ".join(f"'{form}'" for form in FORMS) + "]"
    text = f"printf({listed}[form + 1], lpad(CAST(code AS VARCHAR), 5, '0'))"
    sql = zip3(f"({text})", zip3_table())

    made = column(con, f"CAST({sql} AS INTEGER)", code=codes, form=forms)

    allowed = np.array([f"{n:03}" in zip3_table().allowed for n in range(1000)])
    expected = (forms < WELL_FORMED) & allowed[codes // 100]
    # 000 is nobody's prefix, so that nought says that it was withheld.
    assert (made != np.where(expected, codes // 100, 0)).sum() == 0


@pytest.mark.parametrize("weekday", [False, True])
def test_in_a_million_events_order_and_intervals_hold(con, weekday: bool):
    people = 20_000
    chance = np.random.default_rng(10)
    ids = pa.array([f"{n:032x}" for n in range(people)])
    shift = Shift(182, 7 if weekday else 1, date(2020, 1, 1), date(2025, 12, 31))
    offsets = shift.offsets(ids, tokeniser())
    person = chance.integers(0, people, MILLION)
    was = chance.integers(day(2019), day(2027), MILLION)

    made = column(
        con,
        f"{shift.sql('was', 'moved')} - DATE '1970-01-01'",
        was=dates(was),
        moved=offsets.take(pa.array(person)),
    )

    moved = made != ABSENT
    far = (made - was)[moved]
    inner = (day(2020) + 182 <= made) & (made <= day(2026) - 1 - 182)
    assert moved.sum() > MILLION // 2
    assert (far == 0).sum() == 0
    assert (np.abs(far) > 182).sum() == 0
    assert not weekday or (far % 7 != 0).sum() == 0
    assert (moved & ~inner).sum() == 0
    assert (far != offsets.to_numpy()[person[moved]]).sum() == 0


ZONES = (
    "America/Chicago", "America/Detroit", "America/New_York", "America/Denver",
    "America/Phoenix", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
    "America/Puerto_Rico", "America/St_Johns",
)  # fmt: skip
TURNS = (
    datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2024, 3, 10, 8, tzinfo=UTC), datetime(2024, 11, 3, 7, tzinfo=UTC),
    datetime(2024, 7, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC),
    datetime(2023, 2, 28, tzinfo=UTC), datetime(2023, 3, 1, tzinfo=UTC),
)  # fmt: skip
HOURS = (-1, 0, 1, 3, 5, 6, 8, 10)


@pytest.mark.parametrize("zone", ZONES)
def test_a_moment_is_of_the_day_that_it_is_at_the_agency(con, zone: str):
    moments = [turn + timedelta(hours=h, minutes=-1) for turn in TURNS for h in HOURS]
    moments += [turn + timedelta(hours=h) for turn in TURNS for h in HOURS]
    table = registry().contract("hospital").table("encounter")
    casting = Casting(table.column("started_at"), 0)
    con.execute("LOAD icu")
    con.execute(f"SET TimeZone = '{zone}'")
    written = [m.astimezone(ZoneInfo("Asia/Tokyo")).isoformat() for m in moments]
    con.register("given", pa.table({casting.text_name: written}))

    made = con.execute(
        f"SELECT {generalise_date('moment', 'month')}, "
        f"{generalise_date('moment', 'day')} "
        f"FROM (SELECT {casting.typed} AS moment FROM given)"
    ).fetchall()

    there = [moment.astimezone(ZoneInfo(zone)).date() for moment in moments]
    assert made == [(local.replace(day=1), local) for local in there]
    assert len(made) * len(ZONES) >= 200
