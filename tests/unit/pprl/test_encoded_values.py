"""Values written differently become one, and what stands for no value becomes empty."""

from datetime import date

import pytest

from concord.pprl.values import Person, person, salts

BORN = date(1984, 2, 29)


@pytest.mark.parametrize(
    ("field", "written", "form"),
    [
        ("surname", "O'Brien-Núñez ", "OBRIENNUNEZ"),
        ("surname", "Straße", "STRASSE"),
        ("given_name", "JOSÉ  maría", "JOSEMARIA"),
        ("given_name", "Нина", "НИНА"),
        ("street", "12 N. Example St., Apt 3", "12EXAMPLESTAPT3"),
        ("street", "12 north example st apt 3", "12EXAMPLESTAPT3"),
        ("postcode", "62701-1234", "62701"),
        ("postcode", "sw1a 1aa", "SW1A1"),
    ],
)
def test_spellings_become_one_form(field, written, form):
    assert getattr(person({field: written}, None), field) == form


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("surname", "Unknown"), ("surname", "refused."), ("given_name", "Baby Boy"),
        ("given_name", "--"), ("street", "Homeless"), ("street", "General Delivery"),
        ("postcode", "00000"), ("postcode", "UNKNOWN"), ("postcode", " "),
        ("city", None),
    ],
)  # fmt: skip
def test_what_stands_for_no_value_is_empty(field, written):
    assert person({field: written}, None) == Person()


@pytest.mark.parametrize("given", ["John", "jane", "J.", ""])
def test_nobody_is_called_doe(given):
    doe = person({"given_name": given, "surname": "Doe", "postcode": "62701"}, None)
    assert (doe.given_name, doe.surname) == ("", "")
    assert salts(doe, "hardened") == (None, None)


def test_a_real_person_may_be_called_doe():
    doe = person({"given_name": "Marguerite", "surname": "Doe"}, BORN)
    assert (doe.given_name, doe.surname) == ("MARGUERITE", "DOE")


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(1, 1, 1), date(9999, 12, 31)])
def test_placeholder_dates_are_empty(day):
    assert person({}, day) == Person()


def test_swapped_names_have_one_salt():
    straight = person(
        {"given_name": "Ada", "surname": "Lovelace", "postcode": "1"}, BORN
    )
    swapped = person(
        {"given_name": "Lovelace", "surname": "Ada", "postcode": "1"}, BORN
    )
    assert salts(straight, "hardened") == salts(swapped, "hardened")


def test_a_birth_date_alone_is_not_encoded_so_that_twins_without_names_stay_two():
    assert salts(person({"street": "1 Elm St"}, BORN), "hardened") == (None, None)
