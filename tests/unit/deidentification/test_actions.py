from datetime import date, datetime
from typing import get_args

import duckdb
import pytest

from concord.contracts.ages import completed_years_sql
from concord.contracts.concept_actions import PARAMETERS, ConceptAction
from concord.deidentification.actions import (
    age_band,
    binned,
    birth_year,
    days_since,
    generalise_date,
    keep,
    rounded,
    time_band,
    top_code,
    zip3,
)
from concord.deidentification.descriptions import described
from concord.deidentification.zip3 import Zip3Table
from concord.exceptions import ContractError

NIGHT = date(2026, 1, 5)
ILLINOIS = Zip3Table(frozenset({"627", "060"}))
BANDS = (0, 12, 15, 18, 25, 35, 45, 55, 65, 75, 85)


def value_of(expression: str, value: object, kind: str) -> object:
    con = duckdb.connect()
    return con.execute(
        f"SELECT {expression} FROM (SELECT $1::{kind} AS x)", [value]
    ).fetchall()[0][0]


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        ("2004-02-29", "2022-02-27", 17),
        ("2004-02-29", "2022-02-28", 17),
        ("2004-02-29", "2022-03-01", 18),
        ("2004-02-29", "2024-02-28", 19),
        ("2004-02-29", "2024-02-29", 20),
        ("2000-12-31", "2001-01-01", 0),
        ("2000-06-15", "2010-06-14", 9),
        ("2000-06-15", "2010-06-15", 10),
        ("2000-06-15", "2000-06-15", 0),
        ("2000-06-15", "2000-06-14", -1),
        (None, "2010-06-15", None),
        ("2000-06-15", None, None),
    ],
)
def test_completed_years(birth: str | None, on: str | None, years: int | None):
    sql = completed_years_sql("$1::DATE", "$2::DATE")

    assert duckdb.connect().execute(f"SELECT {sql}", [birth, on]).fetchall() == [
        (years,)
    ]


def test_completed_years_at_a_moment_are_those_of_its_day():
    sql = completed_years_sql("DATE '2000-06-15'", "TIMESTAMP '2010-06-14 23:59:59'")

    assert duckdb.connect().execute(f"SELECT {sql}").fetchall() == [(9,)]


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        ("year", date(2025, 1, 1)),
        ("quarter", date(2025, 4, 1)),
        ("month", date(2025, 6, 1)),
        ("week", date(2025, 6, 30)),
        ("day", date(2025, 6, 30)),
    ],
)
def test_generalise_date_gives_the_first_day_of_the_unit(unit: str, first: date):
    sql = generalise_date("x", unit)

    assert value_of(sql, date(2025, 6, 30), "DATE") == first
    assert value_of(sql, datetime(2025, 6, 30, 23, 30), "TIMESTAMP") == first  # noqa: DTZ001
    assert value_of(sql, None, "TIMESTAMP") is None


@pytest.mark.parametrize("unit", [None, "decade", "hour"])
def test_generalise_date_refuses_a_unit_that_it_does_not_know(unit: str | None):
    with pytest.raises(ContractError, match=f"unit '{unit}'"):
        generalise_date("x", unit)


@pytest.mark.parametrize(
    ("birth", "year"),
    [
        ("1936-12-31", 1936),  # turns 90 in the year of the night
        ("1936-01-05", 1936),
        ("1935-06-01", 1936),
        ("1906-01-05", 1936),  # 120 today
        ("1905-01-05", None),  # 121: absurd
        ("1937-01-01", 1937),
        ("2026-01-05", 2026),
        ("2026-01-06", None),  # not born yet
        (None, None),
    ],
)
def test_birth_year_makes_the_oldest_one(birth: str | None, year: int | None):
    assert value_of(birth_year("x", NIGHT, 90), birth, "DATE") == year


@pytest.mark.parametrize("top", [None, 0, 91])
def test_birth_year_refuses_to_tell_the_oldest_apart(top: int | None):
    with pytest.raises(ContractError, match=f"top '{top}'"):
        birth_year("x", NIGHT, top)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "0-11"),
        (11, "0-11"),
        (12, "12-14"),
        (17, "15-17"),
        (18, "18-24"),
        (84, "75-84"),
        (85, "85+"),
        (120, "85+"),
        (121, None),
        (-1, None),
        (None, None),
    ],
)
def test_age_band(age: int | None, band: str | None):
    assert value_of(age_band("x", BANDS), age, "SMALLINT") == band


def test_age_band_may_be_one_band():
    assert value_of(age_band("x", (0,)), 40, "BIGINT") == "0+"


@pytest.mark.parametrize(
    ("bands", "problem"),
    [
        (None, "rising from 0"),
        ((), "rising from 0"),
        ((12, 18), "rising from 0"),
        ((0, 18, 18), "rising from 0"),
        ((0, 65, 18), "rising from 0"),
        ((0, 90, 95), "No band may begin after 90"),
    ],
)
def test_age_band_refuses_bands_that_overlap_or_tell_the_oldest_apart(
    bands: tuple[int, ...] | None, problem: str
):
    with pytest.raises(ContractError, match=problem):
        age_band("x", bands)


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("62701", "627"),
        ("62701-1234", "627"),
        ("627011234", "627"),
        (" 62701 ", "627"),
        ("06001", "060"),
        ("6001", "000"),  # no leading zero is made up
        ("60001", "000"),
        ("09012", "000"),  # military
        ("K1A 0B1", "000"),  # Canada
        ("62701-", "000"),
        ("627O1", "000"),
        ("٦٢٧٠١", "000"),  # digits, but not of a ZIP code
        ("-", "000"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_zip3(code: str | None, prefix: str | None):
    assert value_of(zip3("x", ILLINOIS), code, "VARCHAR") == prefix


def test_zip3_with_nothing_allowed_withholds_everything():
    assert value_of(zip3("x", Zip3Table(frozenset())), "62701", "VARCHAR") == "000"


def test_keep_gives_the_contracts_type():
    assert value_of(f"typeof({keep('x', 'integer')})", 1, "SMALLINT") == "BIGINT"
    assert value_of(keep("x", "boolean"), None, "BOOLEAN") is None


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (ConceptAction(action="drop"), "Not published."),
        (
            ConceptAction(action="generalise_date", unit="month"),
            "Reduced to the first day of its month.",
        ),
        (
            ConceptAction(action="age_band", bands=(0, 18)),
            "Reduced to bands: 0-17, 18+.",
        ),
        (
            ConceptAction(action="bin", edges=(5, 10)),
            "Reduced to: under 5, 5 to under 10, 10 or more.",
        ),
        (
            ConceptAction(action="birth_year", top=90),
            "Reduced to the year; one year for everybody of 90 or more.",
        ),
    ],
    ids=lambda given: getattr(given, "action", None),
)
def test_described_says_what_happened(action: ConceptAction, sentence: str):
    assert described(action) == sentence


def test_every_action_is_described():
    given = {"base": 5, "minimum": 1500}
    for action in get_args(ConceptAction.model_fields["action"].annotation):
        taken = {k: v for k, v in given.items() if k in PARAMETERS.get(action, ())}

        assert described(ConceptAction(action=action, **taken)).endswith(".")


@pytest.mark.parametrize(
    ("hour", "hours", "band"),
    [
        (0, 6, "00-05"),
        (5, 6, "00-05"),
        (6, 6, "06-11"),
        (23, 6, "18-23"),
        (7, 8, "00-07"),
    ],
)
def test_time_band(hour: int, hours: int, band: str):
    moment = datetime(2024, 2, 29, hour, 59, 59)  # noqa: DTZ001

    assert value_of(time_band("x", hours), moment, "TIMESTAMP") == band
    assert value_of(time_band("x", hours), None, "TIMESTAMP") is None


@pytest.mark.parametrize("hours", [None, 5, 24])
def test_time_band_refuses_bands_that_do_not_divide_a_day(hours: int | None):
    with pytest.raises(ContractError, match=f"hours '{hours}'"):
        time_band("x", hours)


def test_days_since_count_from_each_person_s_own_first_row():
    rows = [
        ("a", "2024-02-28"), ("a", "2024-03-01"), ("a", "2025-02-28"), ("a", None),
        ("b", "2026-01-01"), (None, "2020-01-01"),
    ]  # fmt: skip
    con = duckdb.connect()
    con.execute("CREATE TABLE t (n INTEGER, person VARCHAR, x DATE)")
    con.executemany(
        "INSERT INTO t VALUES (?, ?, ?)", [(n, *row) for n, row in enumerate(rows)]
    )

    made = con.execute(f"SELECT {days_since('x', 'person', 365)} FROM t ORDER BY n")

    assert [days for (days,) in made.fetchall()] == [0, 2, 365, None, 0, None]
    with pytest.raises(ContractError, match="after how many it stops"):
        days_since("x", "person", None)


@pytest.mark.parametrize(
    ("number", "coded"), [(89, 89), (90, 90), (91, 90), (-3, -3), (None, None)]
)
def test_top_code(number: int | None, coded: int | None):
    assert value_of(top_code("x", 90), number, "BIGINT") == coded


@pytest.mark.parametrize(
    ("number", "base", "nearest"),
    [
        (0, 5, 0), (2, 5, 0), (3, 5, 5), (5, 10, 10), (-5, 10, -10), (4, 10, 0),
        (-4, 10, 0), (12, 5, 10), (13, 5, 15), (None, 5, None),
        (9_223_372_036_854_775_800, 5, 9_223_372_036_854_775_800),
    ],
)  # fmt: skip
def test_round_gives_the_nearest_multiple_and_a_half_goes_away_from_nought(
    number: int | None, base: int, nearest: int | None
):
    assert value_of(rounded("x", base, "integer"), number, "BIGINT") == nearest


@pytest.mark.parametrize(
    ("number", "nearest"), [(0.25, 0.5), (-0.25, -0.5), (0.24, 0.0), (None, None)]
)
def test_round_takes_numbers_with_fractions(number, nearest):
    assert value_of(rounded("x", 0.5, "number"), number, "DOUBLE") == nearest


@pytest.mark.parametrize("base", [None, 2.5])
def test_round_refuses_a_base_that_whole_numbers_lack(base):
    with pytest.raises(ContractError, match=f"base '{base}'"):
        rounded("x", base, "integer")


@pytest.mark.parametrize(
    ("number", "label"),
    [
        (-1.0, "under 5"), (4.99, "under 5"), (5.0, "5 to under 10"),
        (9.99, "5 to under 10"), (10.0, "10 or more"), (float("nan"), None),
        (None, None),
    ],
)  # fmt: skip
def test_an_edge_begins_its_bin(number: float | None, label: str | None):
    assert value_of(binned("x", (5, 10)), number, "DOUBLE") == label


@pytest.mark.parametrize("edges", [None, (), (5, 5), (10, 5)])
def test_bin_refuses_edges_that_do_not_rise(edges):
    with pytest.raises(ContractError, match="List them rising"):
        binned("x", edges)


def test_expressions_never_read_the_clock():
    made = " ".join(
        (
            keep("x", "string"),
            generalise_date("x", "year"),
            birth_year("x", NIGHT, 90),
            age_band("x", BANDS),
            zip3("x", ILLINOIS),
            time_band("x", 6),
            days_since("x", "person", 365),
            top_code("x", 90),
            rounded("x", 5, "integer"),
            binned("x", (5, 10)),
        )
    ).lower()

    assert not [w for w in ("current_", "now(", "today(", "random") if w in made]
