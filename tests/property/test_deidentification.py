"""What must hold of de-identification whatever the data are."""

import hashlib
import hmac
import re
from base64 import b32encode
from calendar import monthrange
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.contracts.ages import completed_years_sql
from concord.deidentification.actions import (
    age_band,
    birth_year,
    generalise_date,
    zip3,
)
from concord.deidentification.tokens import DIGITS, PATTERN, Tokeniser
from tests.support.deidentified import registry, zip3_table
from tests.support.small_release import CANARY, small_county

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
DATES = st.dates(date(1895, 1, 1), date(2035, 12, 31))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
RESTRICTED = re.findall(
    "[0-9]{3}",
    "036 059 102 202 203 204 205 369 556 692 753 772 821 823 878 879 884 893",
)
PATIENT = settings(deadline=None, max_examples=60)


def evaluate(expression: str, **columns: list[object]) -> list[object]:
    """Evaluate SQL over columns, in the order of the rows."""
    rows = range(len(next(iter(columns.values()))))
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("given", pa.table({"_row": rows, **columns}))
        query = f"SELECT {expression} FROM given ORDER BY _row"
        return [value for (value,) in con.execute(query).fetchall()]


def completed_years(birth: date, on: date) -> int:
    """Count birthdays, one by one; 29 February turns on 1 March."""
    years = -1 if on < birth else 0
    if on < birth:
        while (birth.year + years, birth.month, birth.day) > (
            on.year,
            on.month,
            on.day,
        ):
            years -= 1
        return years
    while (birth.year + years + 1, birth.month, birth.day) <= (
        on.year,
        on.month,
        on.day,
    ):
        years += 1
    return years


@PATIENT
@given(st.lists(st.tuples(DATES, DATES), min_size=1, max_size=50))
def test_age_counts_birthdays(pairs: list[tuple[date, date]]):
    births, days = [list(column) for column in zip(*pairs, strict=True)]

    ages = evaluate(completed_years_sql("birth", "day"), birth=births, day=days)

    assert ages == [completed_years(birth, day) for birth, day in pairs]


def test_age_turns_on_1_march_for_every_leap_day_and_day_around_it():
    pairs = [
        (date(leap, 2, 29), date(year, month, day))
        for leap in range(1904, 2025, 4)
        for year in range(leap, 2030, 3)
        for month in (2, 3)
        for day in range(1, monthrange(year, month)[1] + 1)
    ]
    births, days = [list(column) for column in zip(*pairs, strict=True)]

    ages = evaluate(completed_years_sql("birth", "day"), birth=births, day=days)

    expected = [
        day.year - birth.year - (1 if (day.month, day.day) < (2, 29) else 0)
        for birth, day in pairs
    ]
    assert ages == expected


@PATIENT
@given(st.lists(st.datetimes(), min_size=1))
@pytest.mark.parametrize("unit", ["year", "quarter", "month"])
def test_a_generalised_date_is_the_first_day_of_its_unit(
    unit: str, moments: list[datetime]
):
    months = {"year": 12, "quarter": 3, "month": 1}[unit]

    days = evaluate(generalise_date("moment", unit), moment=moments)

    expected = [date(m.year, (m.month - 1) // months * months + 1, 1) for m in moments]
    assert days == expected


@PATIENT
@given(st.lists(st.integers(-5, 140), min_size=1))
def test_every_age_falls_into_the_one_band_that_holds_it(ages: list[int]):
    bands = registry().profile("research").concepts["person.age_at_event"].bands
    assert bands is not None

    labels = evaluate(age_band("age", bands), age=ages)

    for age, label in zip(ages, labels, strict=True):
        if not 0 <= age <= 120:
            assert label is None
        elif age >= 85:
            assert label == "85+"
        else:
            low, high = str(label).split("-")
            assert int(low) <= age <= int(high)


@PATIENT
@given(st.lists(DATES, min_size=1), DATES)
def test_nobody_of_90_or_more_is_told_apart_by_year_of_birth(
    births: list[date], night: date
):
    years = evaluate(birth_year("birth", night, 90), birth=births)

    for birth, year in zip(births, years, strict=True):
        age = completed_years(birth, night)
        if not 0 <= age <= 120:
            assert year is None
        elif age >= 90:
            assert year == night.year - 90
        else:
            assert year == max(birth.year, night.year - 90)


@PATIENT
@given(
    st.lists(st.one_of(TEXTS, st.from_regex(r"\A[0-9]{5}(-?[0-9]{4})?\Z")), min_size=1)
)
def test_only_allowed_prefixes_of_well_formed_zip_codes_leave(codes: list[str]):
    table = zip3_table()

    found = evaluate(zip3("code", table), code=pa.array(codes, pa.string()))

    for code, prefix in zip(codes, found, strict=True):
        bare = code.strip(" ")
        well_formed = re.fullmatch("[0-9]{5}(-?[0-9]{4})?", bare, re.ASCII)
        if not bare:
            assert prefix is None
        elif well_formed and bare[:3] in table.allowed:
            assert prefix == bare[:3]
        else:
            assert prefix == "000"


def test_the_allow_list_is_the_one_of_the_2020_census():
    allowed = zip3_table().allowed
    every = {f"{number:03}" for number in range(1000)}

    assert len(allowed) == 876
    assert allowed.isdisjoint(RESTRICTED)
    digest = hashlib.sha256("\n".join(sorted(allowed)).encode()).hexdigest()
    assert digest.startswith("b3019f68")
    assert digest.endswith("3421")
    codes = pa.array([f"{prefix}01" for prefix in sorted(every)])
    kept = set(evaluate(zip3("code", zip3_table()), code=codes)) - {"000"}
    assert kept == allowed


def by_the_book(key: bytes, entity: str, profile: str, epoch: str, value: str) -> str:
    """Return a token's 26 digits by way of the standard library."""
    message = "\0".join(("deid/v1", entity, profile, epoch, value)).encode()
    digest = hmac.new(key, message, hashlib.sha256).digest()[:16]
    digits = b32encode(digest).decode().rstrip("=")
    return digits.translate(str.maketrans(BASE32, DIGITS))


@PATIENT
@given(
    st.binary(min_size=32, max_size=32), st.lists(TEXTS), st.sampled_from(["1", "2"])
)
def test_tokens_are_hmacs(key: bytes, values: list[str], epoch: str):
    tokens = Tokeniser(key, "research", epoch).tokens(
        "incident", pa.array(values, pa.string())
    )

    assert tokens.to_pylist() == [
        "inc_" + by_the_book(key, "incident", "research", epoch, value)
        if value
        else None
        for value in values
    ]


@PATIENT
@given(st.sets(TEXTS.filter(bool), min_size=1))
def test_tokens_are_one_to_one_and_well_formed(values: set[str]):
    listed = sorted(values)

    tokens = Tokeniser(bytes(32), "research", "1").tokens("case", pa.array(listed))

    assert len(set(tokens.to_pylist())) == len(listed)
    assert all(re.fullmatch(PATTERN, token) for token in tokens.to_pylist())


@PATIENT
@given(st.sets(TEXTS.filter(bool), min_size=1), st.binary(min_size=32, max_size=32))
def test_two_profiles_keys_entities_or_epochs_share_no_token(
    values: set[str], key: bytes
):
    other_key = bytes(byte ^ 1 for byte in key)
    listed = pa.array(sorted(values))
    sets = [
        {token[4:] for token in Tokeniser(k, p, epoch).tokens(e, listed).to_pylist()}
        for k, p, epoch, e in (
            (key, "research", "1", "incident"),
            (key, "other", "1", "incident"),
            (key, "research", "2", "incident"),
            (key, "research", "1", "case"),
            (other_key, "research", "1", "incident"),
        )
    ]

    assert len(set.union(*sets)) == sum(map(len, sets))


@pytest.mark.parametrize("seed", range(3))
def test_no_identifier_survives(seed: int):
    county = small_county(seed)

    with county.release() as con:
        names = [name for (name,) in con.execute("SHOW TABLES").fetchall()]
        published = dump(con, names)

    assert CANARY not in published
    keys = {
        key
        for tables in county.content.values()
        for table in tables.values()
        for name in ("record_key", "place_key")
        if name in table.column_names
        for key in table[name].to_pylist()
    } | set(county.assignments["person_id"].to_pylist())
    assert not any(key in published for key in keys - {None})
    births = [b for t in county.persons.values() for b in t["birth_date"].to_pylist()]
    assert not any(birth.isoformat() in published for birth in births if birth.day > 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_inputs_give_the_same_rows_in_the_same_order(seed: int):
    tables = registry().profile("research").tables
    county = small_county(seed)

    with county.release() as first, county.release() as second:
        assert dump(first, tables) == dump(second, tables)


def dump(con: duckdb.DuckDBPyConnection, tables: list[str] | tuple[str, ...]) -> str:
    """Write tables out as text, in their own order."""
    return "\n".join(
        f"{table}: {con.execute(f'FROM {table}').fetchall()}" for table in tables
    )
