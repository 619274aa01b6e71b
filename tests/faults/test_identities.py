"""Identities that are none, or are written so that they look alike."""

from datetime import date

import pytest

from concord.linkage.prediction import LinkResult, link
from concord.linkage.settings import load_model
from concord.linkage.standardise import LINKAGE
from tests.support.linkage_data import person_records
from tests.support.small_feed import client, night, opened

BORN = date(1984, 3, 7)
NOBODY = {"first_name": None, "last_name": None}


def linked(*rows: dict[str, object]) -> LinkResult:
    records = person_records([{"feed": "clinic", "sex": "M", **row} for row in rows])
    model = load_model(LINKAGE)
    return link(records, model, night=date(2026, 1, 5), threads=1)


def persons(result: LinkResult) -> int:
    return len(set(result.clusters["cluster_id"].to_pylist()))


@pytest.mark.fault("F31", outcome="counted")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("birth_date", date(1900, 1, 1)),
        ("birth_date", date(1901, 1, 1)),
        ("birth_date", date(9999, 12, 31)),
        ("ssn", "000-00-0000"),
        ("ssn", "999-99-9999"),
        ("ssn", "123-45-6789"),
    ],
)
def test_f31_a_placeholder_links_nobody_and_is_counted(name, value) -> None:
    """A birth date or SSN is a placeholder: unknown to linkage, and counted."""
    one = {"first_name": "Anselm", "last_name": "Vantorre", name: value}
    other = {"first_name": "Quillon", "last_name": "Tessmoor", name: value}
    result = linked(one, other)
    assert persons(result) == 2
    assert result.set_aside[name] == 2


@pytest.mark.fault("F32", outcome="counted")
@pytest.mark.parametrize(
    ("first", "last"),
    [("UNKNOWN", "UNKNOWN"), ("John", "Doe"), ("TEST", "TEST"), ("Jane", "Doe")],
)
def test_f32_a_name_that_is_none_brings_no_records_together(first, last) -> None:
    """Two records are named UNKNOWN, JOHN DOE or TEST: not compared, and counted."""
    row = {"first_name": first, "last_name": last}
    result = linked(row, row)
    assert persons(result) == 2
    assert sum(result.pairs.values()) == 0, "never even looked at together"
    assert result.set_aside["last_name"] == 2


LOOK_ALIKES = {
    "decomposed accents": ("José", "Nunez\u0303"),
    "composed accents": ("Jos\u00e9", "Nuñez"),
    "full width": ("ＪＯＳＥ", "ＮＵＮＥＺ"),
    "zero width": ("Jo\u200bse", "Nu\u200dnez\ufeff"),
    "soft hyphen": ("Jo\u00adse", "Nunez"),
    "direction": ("\u202aJose\u202c", "Nunez"),
}


@pytest.mark.fault("F33", outcome="accepted")
@pytest.mark.parametrize("written", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_f33_names_that_look_alike_are_compared_alike(written) -> None:
    """A name is written in another Unicode form: compared as the same name."""
    first, last = written
    rest = {"birth_date": BORN, "ssn": "219-45-6781", "street": "12 Quillfeather Ln"}
    plain = {"first_name": "Jose", "last_name": "Nunez", **rest}
    other = {"first_name": first, "last_name": last, **rest}
    assert persons(linked(plain, other)) == 1


@pytest.mark.fault("F33", outcome="accepted")
def test_f33_the_vault_keeps_what_was_written(tmp_path) -> None:
    """A name holds zero-width characters: the vault keeps them, letter for letter."""
    written = "Jo\u200bse\u0301"
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1, first_name=written)])
        state = clinic.state(night(0))
        (person,) = clinic.store.read_vault(state, "person").to_pylist()
        assert person["first_name"] == written


def test_an_address_with_zero_width_characters_is_the_address() -> None:
    from tests.unit.linkage.test_standardise import cleaned

    row = cleaned(street="12 Quill\u200bfeather\u00ad Ln", ssn="２１９-45-6781")
    assert (row["address"], row["ssn"]) == ("12 QUILLFEATHER", "219456781")
