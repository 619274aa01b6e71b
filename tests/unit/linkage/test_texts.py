"""Text that the usual form doesn't fit, read value by value."""

import duckdb
import pytest

from concord.linkage.texts import add_text_functions, fold, phone_of, street_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("José", "JOSE"),
        ("Nun\u0303ez", "NUNEZ"),
        ("Søren Łoś", "SOREN LOS"),
        ("Weiß", "WEISS"),
        ("Ægir Þórsson", "AEGIR THORSSON"),
        ("ＪＯ\u200bＨＮ\u00ad", "JOHN"),
        ("O’Brien", "O'BRIEN"),
        ("Иван", "ИВАН"),
        ("가나", "가나"),
    ],
)
def test_letters_are_capitals_without_marks(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("PO BOX 771", "771|POBOX"),
        ("APT 4 123 MAIN ST", "123|MAIN"),
        ("12 S HWY 701", "12|HWY 701"),
        ("2709 AVENUE M", "2709|AVENUE M"),
        ("11909", None),
        ("MAIN ST AND 4TH ST", None),
        ("5408 E WESTWOOD T APT 3", None),
    ],
)
def test_an_odd_address_is_read_or_left_alone(words: str, expected: str | None) -> None:
    assert street_of(words) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-217-201-4567 EXT 12", "2172014567"),
        ("+44 20 7946 0958", "442079460958"),
        ("000-000-0000", None),
        ("217-201", None),
        ("CALL MY SISTER", None),
    ],
)
def test_an_odd_phone_is_read_or_unknown(text: str, expected: str | None) -> None:
    assert phone_of(text) == expected


def test_a_connection_takes_the_functions_once_and_keeps_nothing_for_nothing() -> None:
    with duckdb.connect() as con:
        add_text_functions(con)
        add_text_functions(con)
        row = con.execute("SELECT fold('é'), fold(NULL), street_of(NULL)").fetchone()
    assert row == ("E", None, None)
