"""Cleaning of names, dates, numbers and addresses, case by case."""

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from concord.linkage.standardise import standardise
from tests.support.linkage_data import person_records


def cleaned(**fields: object) -> dict[str, Any]:
    """Return the standardised form of one record."""
    con = duckdb.connect()
    con.register("records", person_records([fields]))
    table = standardise(con, "records")
    result: pa.Table = con.sql(f"FROM {table}").to_arrow_table()
    row: dict[str, Any] = result.to_pylist()[0]
    return row


NAMES = {
    "case and spaces": ((" jane ", None, " de  Vries "), ("JANE", None, "DEVRIES")),
    "diacritics": (("José", None, "Nuñez"), ("JOSE", None, "NUNEZ")),
    "decomposed letters": (
        ("Jose\u0301", None, "Nun\u0303ez"),
        ("JOSE", None, "NUNEZ"),
    ),
    "full-width letters": (("ＪＯＨＮ", None, "Ｌｅｅ"), ("JOHN", None, "LEE")),
    "zero-width space": (("Jo\u200bhn", None, "Lee"), ("JOHN", None, "LEE")),
    "apostrophe": (("D'Andre", None, "O'Brien"), ("DANDRE", None, "OBRIEN")),
    "typographic apostrophe": (("Sean", None, "O’Brien"), ("SEAN", None, "OBRIEN")),
    "initial with a point": (("J.", "R.", "Smith"), ("J", "R", "SMITH")),
    "two given names": (("Mary Ann", None, "Lee"), ("MARY", "ANN", "LEE")),
    "hyphenated given name": (("Mary-Ann", None, "Lee"), ("MARY", "ANN", "LEE")),
    "middle name stands": (("Mary Ann", "K", "Lee"), ("MARY", "K", "LEE")),
    "short first part": (("La Toya", None, "Lee"), ("LATOYA", None, "LEE")),
    "saint": (("Ann", None, "Saint John"), ("ANN", None, "STJOHN")),
    "letters that are no letter with a mark": (
        ("Søren", None, "Łukaszewicz"),
        ("SOREN", None, "LUKASZEWICZ"),
    ),
    "German sharp s": (("Jörg", None, "Weiß"), ("JORG", None, "WEISS")),
    "two generations": (("Al", None, "Smith Jr Sr"), ("AL", None, "SMITH")),
    "a number in a name": (("Al", None, "Smith 2 Lee"), ("AL", None, "SMITHLEE")),
    "other alphabets stay": (("Иван", None, "Петров"), ("ИВАН", None, "ПЕТРОВ")),
}


@pytest.mark.parametrize(("written", "expected"), NAMES.values(), ids=NAMES.keys())
def test_names_are_made_comparable(
    written: tuple[str, str | None, str], expected: tuple[str, str | None, str]
) -> None:
    first, middle, last = written
    row = cleaned(first_name=first, middle_name=middle, last_name=last)
    assert (row["first_name"], row["middle_name"], row["last_name"]) == expected


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("Garcia-Lopez", ("GARCIALOPEZ", "GARCIA", "LOPEZ")),
        ("GARCIA LOPEZ", ("GARCIALOPEZ", "GARCIA", "LOPEZ")),
        ("de la Cruz", ("DELACRUZ", "DELACRUZ", None)),
        ("Ruiz de la Cruz", ("RUIZDELACRUZ", "RUIZ", "DELACRUZ")),
        ("van der Berg", ("VANDERBERG", "VANDERBERG", None)),
        ("Mc Donald", ("MCDONALD", "MCDONALD", None)),
    ],
)
def test_surnames_of_two_parts_are_split(
    written: str, parts: tuple[str, str, str | None]
) -> None:
    row = cleaned(first_name="Ana", last_name=written)
    assert (row["last_name"], row["last_part_1"], row["last_part_2"]) == parts


@pytest.mark.parametrize(
    "name",
    ["Unknown", "UNK", "N/A", "none", "Baby Boy", "BABY GIRL", "Test", "xxx", "Refused",
     "Not Provided", "Dad", "Child One", "  ", "", "-", "LNU", "John", "No Name",
     "Dont know", "Baby Boy A", "Guest Two", "Lady of the House"],
)  # fmt: skip
def test_a_word_for_unknown_is_no_name(name: str) -> None:
    last = "Doe" if name == "John" else name
    row = cleaned(first_name=name, last_name=last, middle_name=name)
    assert row["first_name"] is None
    assert row["last_name"] is None
    assert row["full_name"] is None


@pytest.mark.parametrize("surname", ["Na", "No", "Man", "Son", "To", "House", "Guest"])
def test_a_real_surname_is_kept(surname: str) -> None:
    row = cleaned(first_name="Son", last_name=surname)
    assert (row["first_name"], row["last_name"]) == ("SON", surname.upper())


def test_a_child_without_a_given_name_has_none() -> None:
    row = cleaned(first_name="Baby Boy Lee", last_name="Lee")
    assert (row["first_name"], row["last_name"]) == (None, "LEE")


@pytest.mark.parametrize(
    "fields",
    [
        {"last_name": "Smith", "suffix": "Jr."},
        {"last_name": "Smith", "suffix": "JR"},
        {"last_name": "Smith", "suffix": "II"},
        {"last_name": "Smith", "suffix": "2nd"},
        {"last_name": "Smith Jr"},
        {"last_name": "Smith, Jr."},
        {"last_name": "SMITH II"},
        {"last_name": "Smith", "first_name": "John Jr"},
        {"last_name": "Smith", "middle_name": "A Junior"},
    ],
)
def test_the_generation_is_split_from_the_name(fields: dict[str, str]) -> None:
    row = cleaned(**({"first_name": "John"} | fields))
    assert row["generation"] == 2
    assert (row["first_name"], row["last_name"]) == ("JOHN", "SMITH")
    assert row["middle_name"] in (None, "A")


def test_generations_differ_and_are_mostly_unknown() -> None:
    suffixes = ["Sr", "Jr", "III", "IV", "V", None, "Esq"]
    con = duckdb.connect()
    con.register("records", person_records([{"suffix": suffix} for suffix in suffixes]))
    table = standardise(con, "records")
    rows = con.execute(f"SELECT generation FROM {table} ORDER BY record_key").fetchall()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, None, None]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Bob", "Robert", True),
        ("Bobby", "Rob", True),
        ("Peggy", "Margaret", True),
        ("Robert", "Roberta", False),
        ("Lakeisha", "Lakeisha", False),
    ],
)
def test_short_forms_share_a_formal_name(one: str, other: str, alike: bool) -> None:
    forms = [cleaned(first_name=name)["first_forms"] or [] for name in (one, other)]
    assert bool(set(forms[0]) & set(forms[1])) is alike


@pytest.mark.parametrize(
    "value",
    [date(1900, 1, 1), date(1901, 1, 1), date(1, 1, 1), date(9999, 12, 31), None],
)
def test_a_default_birth_date_is_unknown(value: date | None) -> None:
    assert cleaned(birth_date=value)["dob"] is None


def test_a_birth_date_stays() -> None:
    assert cleaned(birth_date=date(1980, 1, 1))["dob"] == date(1980, 1, 1)


@pytest.mark.parametrize(
    "value",
    ["000-00-0000", "999-99-9999", "123-45-6789", "900-12-3456", "666-12-3456",
     "000-12-3456", "123-00-4567", "123-45-0000", "111111111", "078-05-1120", "1234",
     "XXX-XX-1234", "", None],
)  # fmt: skip
def test_an_ssn_that_was_never_issued_is_unknown(value: str | None) -> None:
    assert cleaned(ssn=value)["ssn"] is None


def test_an_ssn_is_its_digits() -> None:
    assert cleaned(ssn=" 212-34-5678 ")["ssn"] == "212345678"
    assert cleaned(ssn="212345678")["ssn"] == "212345678"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(217) 201-4567", "2172014567"),
        ("+1 217 201 4567", "2172014567"),
        ("1-217-201-4567 ext 12", "2172014567"),
        ("555-555-5555", None),
        ("000-000-0000", None),
        ("999-999-9999", None),
        ("201-4567", None),
        ("tel. 001 1 217 201 4567", None),
        ("+44 20 7946 0958", "442079460958"),
        ("217-201-4567 home", "2172014567"),
        ("", None),
    ],
)
def test_a_phone_is_ten_digits_or_unknown(value: str, expected: str | None) -> None:
    assert cleaned(phone=value)["phone"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" Jo.Lee7@Example.org ", "jo.lee7@example.org"),
        ("none@example.org", None),
        ("refused", None),
        (None, None),
    ],
)
def test_an_email_is_lower_case_or_unknown(
    value: str | None, expected: str | None
) -> None:
    assert cleaned(email=value)["email"] == expected


@pytest.mark.parametrize(
    ("street", "expected"),
    [
        ("123 North Main Street", ("123 MAIN", "123", "MAIN")),
        ("123 N. MAIN ST., Apt 4", ("123 MAIN", "123", "MAIN")),
        ("123 main st #4", ("123 MAIN", "123", "MAIN")),
        ("123 Oak Hill Dr W", ("123 OAKHILL", "123", "OAKHILL")),
        ("12B Élan Way Unit 3", ("12B ELAN", "12B", "ELAN")),
        ("west farwell avenue", (None, None, "FARWELL")),
        ("PO Box 771", ("771 POBOX", "771", "POBOX")),
        ("P.O. BOX 771", ("771 POBOX", "771", "POBOX")),
        ("Apt 4, 123 Main St", ("123 MAIN", "123", "MAIN")),
        ("948 Warren Common", ("948 WARREN", "948", "WARREN")),
        ("12 S Hwy 701", ("12 HWY701", "12", "HWY701")),
        ("Homeless", (None, None, None)),
        ("UNKNOWN", (None, None, None)),
        ("", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_an_address_is_its_house_and_street(
    street: str | None, expected: tuple[str | None, str | None, str | None]
) -> None:
    row = cleaned(street=street)
    assert (row["address"], row["house_number"], row["street_name"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("62701-1234", "62701"), ("62701", "62701"), ("00000", None), ("627", None)],
)
def test_a_zip_is_five_digits_or_unknown(value: str, expected: str | None) -> None:
    assert cleaned(zip=value)["zip5"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("il-12345678", "IL12345678"), ("00000", None), ("IL99999", None), ("N/A", None)],
)
def test_a_state_id_is_letters_and_digits(value: str, expected: str | None) -> None:
    assert cleaned(state_id=value)["state_id"] == expected


@pytest.mark.parametrize("column", ["student_number", "medical_number"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("MRN-0012-7", "MRN00127"), ("000000", None), ("999", None), ("12345678", None)],
)
def test_an_agencys_number_is_letters_and_digits(
    column: str, value: str, expected: str | None
) -> None:
    assert cleaned(**{column: value})[column] == expected


def test_records_without_a_newer_column_know_nothing_there() -> None:
    con = duckdb.connect()
    records = person_records([{"first_name": "Al", "medical_number": "MRN-7731"}])
    con.register("records", records.drop_columns(["medical_number", "student_number"]))
    table = standardise(con, "records")
    assert con.execute(
        f"SELECT first_name, medical_number FROM {table}"
    ).fetchall() == [("AL", None)]


def test_one_row_in_gives_one_row_out_whatever_the_relation_is_called() -> None:
    con = duckdb.connect()
    records = person_records([{"first_name": "Al"}, {}, {"first_name": "Lee"}])
    con.register('odd "name"', records)
    table = standardise(con, 'odd "name"')
    keys = con.execute(f"SELECT record_key FROM {table} ORDER BY 1").fetchall()
    assert [key for (key,) in keys] == records["record_key"].to_pylist()
    views = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert ("person_record",) not in views.fetchall()


def test_standardise_can_run_again_in_one_connection() -> None:
    con = duckdb.connect()
    con.register("records", person_records([{"first_name": "Zoë"}]))
    first = con.sql(f"FROM {standardise(con, 'records')}").to_arrow_table()
    second = con.sql(f"FROM {standardise(con, 'records')}").to_arrow_table()
    assert first == second
    assert isinstance(first, pa.Table)
