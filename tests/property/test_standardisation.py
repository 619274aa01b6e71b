"""Standardisation over generated values: done twice it changes nothing, and what stands
for no value agrees with nothing."""

from datetime import date

import duckdb
import phonenumbers
import pytest
import usaddress
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.linkage.settings import load_settings
from concord.linkage.standardise import LINKAGE, add_steps, standardise
from tests.support.linkage_data import person_records

SETTINGS = load_settings(LINKAGE)
# Steps of one text that give a text of the same kind.
STEPS = (
    "folded", "name_words", "without_generation", "known_name", "digits", "known_ssn",
    "known_number", "known_email", "known_zip", "street_words", "known_street",
)  # fmt: skip
LETTERS = st.sampled_from("abcdeéñøßÆłıИ가Ａ ’'-,.#/0179\u200b\u0301")
TEXTS = st.one_of(st.text(LETTERS, max_size=24), st.text(max_size=12))
PARTICLES = ("de", "la", "van", "der", "Mc", "St", "Saint", "el", "bin")
UNKNOWN = {
    "first_name": ("UNKNOWN", "John", "Baby Boy", "n/a", "N.M.N.", "xxx", " ", None),
    "middle_name": ("UNK", "none", "NMI", "-", None),
    "last_name": ("Doe", "DOE", "Roe"),
    "birth_date": (date(1900, 1, 1), date(1, 1, 1), date(2026, 1, 6), None),
    "sex": ("U", "X", "", None),
    "ssn": ("000-00-0000", "999-99-9999", "123-45-6789", "XXX-XX-1234", None),
    "state_id": ("0000000", "IL99999", "N/A", None),
    "student_number": ("00000000", "9999", "12345678", None),
    "medical_number": ("MRN000000", "MRN99999999", None),
    "phone": ("000-000-0000", "555-555-5555", "(999) 999-9999", "none", None),
    "email": ("none@example.org", "refused", "unknown@unknown.org", None),
    "street": ("UNKNOWN", "Homeless", "no fixed address", "none", "", None),
    "city": ("", None),
    "zip": ("00000", "99999", "12", None),
}
NOBODY = st.fixed_dictionaries({k: st.sampled_from(v) for k, v in UNKNOWN.items()})


@pytest.fixture(scope="module")
def con():
    with duckdb.connect() as opened:
        add_steps(opened)
        yield opened


@pytest.mark.parametrize("step", STEPS)
@settings(deadline=None)
@given(text=TEXTS)
def test_a_step_done_twice_changes_nothing(con, step: str, text: str) -> None:
    if step == "known_email":
        text = text.lower()
    elif step != "folded":
        text = con.execute("SELECT folded(?)", [text]).fetchone()[0]
    query = f"SELECT {step}(x), {step}({step}(x)) FROM (SELECT ? AS x)"
    once, twice = con.execute(query, [text]).fetchone()
    assert once == twice


@settings(deadline=None)
@given(
    words=st.lists(
        st.one_of(
            st.sampled_from(PARTICLES), st.text("BCDFGR", min_size=2, max_size=6)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_particles_are_taken_in_once(con, words: list[str]) -> None:
    name = " ".join(words).upper()
    query = (
        "SELECT with_particles(x), with_particles(with_particles(x)) "
        "FROM (SELECT ? AS x)"
    )
    once, twice = con.execute(query, [name]).fetchone()
    assert once == twice


@settings(deadline=None, max_examples=20)
@given(people=st.lists(NOBODY, min_size=1, max_size=20))
def test_what_stands_for_no_value_is_blocked_with_nothing_and_agrees_with_nothing(
    people: list[dict[str, object]],
) -> None:
    with duckdb.connect() as con:
        # Every record twice: even the same placeholder of the same words is no match.
        con.register("records", person_records(people + people))
        table = standardise(con, "records", night=date(2026, 1, 5))
        pairs = f"{table} AS l INNER JOIN {table} AS r ON l.record_key < r.record_key"
        for rule in SETTINGS.blocking:
            assert con.execute(
                f"SELECT count(*) FROM {pairs} AND ({rule})"
            ).fetchone() == (0,), rule
        columns = [c[0] for c in con.execute(f"DESCRIBE {table}").fetchall()]
        both = ", ".join(f"l.{c} AS {c}_l, r.{c} AS {c}_r" for c in columns)
        for comparison in SETTINGS.comparisons:
            unknown = next(level.sql for level in comparison.levels if level.unknown)
            assert con.execute(
                f"SELECT count(*) FROM (SELECT {both} FROM {pairs}) "
                f"WHERE NOT COALESCE({unknown}, false)"
            ).fetchone() == (0,), comparison.name


@settings(deadline=None)
@given(
    house=st.integers(1, 99_999),
    before=st.sampled_from(["", "N ", "South "]),
    street=st.sampled_from(["Main", "Oak Hill", "Martin Luther King", "Élan"]),
    kind=st.sampled_from(["St", "Avenue", "Dr", "Ln", "Blvd"]),
    unit=st.sampled_from(["", " Apt 4", " Unit B", " #12"]),
)
def test_the_usual_address_reads_as_usaddress_reads_it(
    con, house: int, before: str, street: str, kind: str, unit: str
) -> None:
    text = f"{house} {before}{street} {kind}{unit}"
    query = (
        "SELECT place_of(words, street_parts(words)) "
        "FROM (SELECT street_words(folded(?)) AS words)"
    )
    (place,) = con.execute(query, [text]).fetchone()
    parts, _ = usaddress.tag(text)
    (name,) = con.execute("SELECT folded(?)", [parts["StreetName"]]).fetchone()
    assert place == f"{parts['AddressNumber']}|{name}"


@settings(deadline=None)
@given(number=st.from_regex(r"1?[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True))
def test_the_usual_phone_reads_as_phonenumbers_reads_it(con, number: str) -> None:
    (known,) = con.execute(
        "SELECT known_phone(x, x) FROM (SELECT ? AS x)", [number]
    ).fetchone()
    parsed = phonenumbers.parse(number, "US")
    if known is None:
        assert len(set(number[-10:])) == 1
    else:
        assert phonenumbers.is_possible_number(parsed)
        assert known == phonenumbers.national_significant_number(parsed)
