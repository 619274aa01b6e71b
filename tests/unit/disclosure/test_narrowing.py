"""Narrowing never leaves out a record that the exact scan would find."""

import duckdb
import pyarrow as pa
import pytest

from concord.disclosure.artefacts import gathered
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import scan_tables
from concord.disclosure.narrowing import narrowed
from concord.exceptions import DisclosureRefused

PERSON = {
    "record_key": "0" * 32,
    "first_name": "Joséphine",
    "middle_name": "Quill",
    "last_name": "de la Brambleton",
    "ssn": "412-55-9871",
    "phone": "(217) 555-0142",
    "email": "j.quill@example.org",
    "source_id": "MN00004711",
    "state_id": "IL64987132",
    "student_number": "SU00052207",
    "medical_number": "MRN-5530917",
    "street": "4417 Bramble Ln",
}
PERSONS = pa.Table.from_pylist(
    [
        PERSON,
        {
            **dict.fromkeys(PERSON),
            "record_key": "1" * 32,
            "first_name": "Ann",
            "last_name": "Other",
        },
    ]
)
LEAKS = [
    "seen with Josephine de la Brambleton today",
    "DE LA BRAMBLETON, JOSEPHINE",
    "josephinequilldelabrambleton",
    "JosephineQdelaBrambleton",
    "412559871",
    "SSN 412-55-9871",
    "call +1 217.555.0142",
    "mail J.Quill@Example.org",
    "MN00004711",
    "student SU00052207",
    "chart MRN 5530917",
    "at 4417 BRAMBLE LN. tonight",
]
TOKEN = "inc_0123456789abcdefghjkmnpqrs"


@pytest.fixture
def con():
    with duckdb.connect() as opened:
        yield opened


def table_with(con, *texts) -> None:
    con.execute("CREATE TABLE incident (incident_id VARCHAR, note VARCHAR)")
    con.executemany("INSERT INTO incident VALUES (?, ?)", [[TOKEN, t] for t in texts])


def left_of(con, table, persons=PERSONS):
    """Return who could stand in a table."""
    with gathered(con, [table]) as texts:
        return narrowed(con, texts, [persons])


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_that_the_whole_dictionary_finds_is_still_found(con, leak) -> None:
    table_with(con, "home", leak, None)
    with pytest.raises(DisclosureRefused):
        scan_tables(con, ["incident"], Dictionary.from_vault([PERSONS]))
    left = left_of(con, "incident")
    assert [t.num_rows for t in left] == [1]
    dictionary = Dictionary.from_vault(left)
    with gathered(con, ["incident"]) as texts, pytest.raises(DisclosureRefused):
        scan_tables(con, ["incident"], dictionary, texts)


def test_codes_and_tokens_leave_nobody_in_question(con) -> None:
    table_with(con, "PROBATION", "18-24", "Ann")
    assert [t.num_rows for t in left_of(con, "incident")] == [0]


def test_tables_without_text_leave_nobody_in_question(con) -> None:
    con.execute("CREATE TABLE counts AS SELECT 1 AS n")
    assert [t.num_rows for t in left_of(con, "counts")] == [0]


def test_records_kept_before_a_column_came_to_be_are_looked_for_too(con) -> None:
    table_with(con, "seen with Josephine de la Brambleton today")
    older = PERSONS.drop_columns(["student_number", "medical_number"])
    assert [t.num_rows for t in left_of(con, "incident", older)] == [1]
