"""A person's values made comparable before they are encoded.

What is written here decides every encoding. A change needs a new scheme version in
``concord.pprl.keys`` and new test vectors.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

FieldName = Literal["given_name", "surname", "birth_date", "street", "city", "postcode"]
Mode = Literal["hardened", "plain"]
DATE = "%Y%m%d"

# Words that stand for no value. NA, NO and SON are names and therefore not here.
_NO_VALUE = frozenset(
    [
        "UNKNOWN",
        "UNK",
        "UNKNOWNNAME",
        "UNIDENTIFIED",
        "UNNAMED",
        "NONE",
        "NULL",
        "NFN",
        "NMN",
        "NLN",
        "FNU",
        "LNU",
        "NOTGIVEN",
        "NOTKNOWN",
        "REFUSED",
        "DECLINED",
        "WITHHELD",
        "ANONYMOUS",
        "CONFIDENTIAL",
        "TEST",
        "BABY",
        "BABYBOY",
        "BABYGIRL",
        "INFANT",
        "NEWBORN",
        "HOMELESS",
        "TRANSIENT",
        "GENERALDELIVERY",
    ]
)
_NOBODY = frozenset({"DOE", "ROE"})  # with one of these, or none, as given name
_ANYBODY = frozenset({"", "J", "JOHN", "JON", "JANE", "RICHARD"})
_NO_DATE = frozenset(
    [
        "00010101",
        "11111111",
        "17530101",
        "18000101",
        "18991230",
        "18991231",
        "19000101",
        "19010101",
        "20991231",
        "22220222",
        "99990101",
        "99991231",
    ]
)
_NO_POSTCODE = frozenset({"00000", "99999", "12345"})
_DIRECTIONS = frozenset(
    [
        "N",
        "S",
        "E",
        "W",
        "NE",
        "NW",
        "SE",
        "SW",
        "NORTH",
        "SOUTH",
        "EAST",
        "WEST",
        "NORTHEAST",
        "NORTHWEST",
        "SOUTHEAST",
        "SOUTHWEST",
    ]
)
_SOUNDS = {
    letter: digit
    for digit, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), start=1)
    for letter in letters
}


class Person(NamedTuple):
    """What is encoded of one record; empty where it isn't known."""

    given_name: str = ""
    surname: str = ""
    birth_date: str = ""
    street: str = ""
    city: str = ""
    postcode: str = ""


def person(values: Mapping[str, str | None], birth_date: date | None) -> Person:
    """Make a record comparable; what stands for no value becomes empty.

    Args:
        values: Texts by field name, as the agency wrote them.
        birth_date: The date of birth; None where it isn't known.
    """
    given, surname = letters(values.get("given_name")), letters(values.get("surname"))
    if surname in _NOBODY and given in _ANYBODY:
        given = surname = ""
    born = "" if birth_date is None else f"{birth_date:%Y%m%d}".rjust(8, "0")
    return Person(
        given,
        surname,
        "" if born in _NO_DATE else born,
        _street(values.get("street")),
        letters(values.get("city")),
        _postcode(values.get("postcode")),
    )


@lru_cache(1 << 17)
def letters(text: str | None) -> str:
    """Return a name in capital letters without marks; empty if it stands for none."""
    found = "".join(c for c in _plain(text) if c.isalpha())
    return "" if found in _NO_VALUE else found


def salts(record: Person, mode: Mode) -> tuple[str | None, ...]:
    """Return what each of a record's encodings is salted with; None: not encoded.

    Hardened records have two encodings, one for records of the same date of birth and
    one for names that sound alike in one postcode. A value that isn't known salts
    nothing, so records can't meet on it.
    """
    if mode == "plain":
        return ("" if any(record) else None,)
    named = record.given_name or record.surname
    sounds = "".join(sorted((soundex(record.given_name), soundex(record.surname))))
    return (
        record.birth_date if record.birth_date and named else None,
        f"{sounds} {record.postcode}"
        if record.given_name and record.surname and record.postcode
        else None,
    )


@lru_cache(1 << 17)
def soundex(name: str) -> str:
    """Return the American Soundex code of a name in capital letters."""
    code, last = name[:1], _SOUNDS.get(name[:1])
    for letter in name[1:]:
        sound = _SOUNDS.get(letter)
        if sound is not None and sound != last:
            code += str(sound)
        if letter not in "HW":
            last = sound
    return code[:4].ljust(4, "0")


def parts(field: str, value: str) -> tuple[str, ...]:
    """Return what of a field's value is encoded: each part once, in order.

    Digits of dates and postcodes count by their place; of all else, neighbouring
    letters. Given names and surnames share their parts, since clerks swap them.
    """
    if field in ("birth_date", "postcode"):
        return tuple(f"{field} {place}{digit}" for place, digit in enumerate(value))
    kind = "name" if field in ("given_name", "surname") else field
    padded = f"_{value}_"
    pairs = {padded[at : at + 2] for at in range(len(padded) - 1)}
    return tuple(f"{kind} {pair}" for pair in sorted(pairs))


def _plain(text: str | None) -> str:
    """Return text in capitals, without accents."""
    if text is None:
        return ""
    if not text.isascii():
        split = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in split if not unicodedata.combining(c))
    return text.upper()


def _street(text: str | None) -> str:
    """Return house number and street without directions and marks."""
    words = re.sub(r"[^\w]+", " ", _plain(text)).split()
    found = "".join(word for word in words if word not in _DIRECTIONS)
    return "" if found in _NO_VALUE else found


def _postcode(text: str | None) -> str:
    """Return the first five digits or letters of a postcode."""
    found = re.sub(r"[^0-9A-Z]+", "", _plain(text))
    return "" if found in _NO_VALUE or found[:5] in _NO_POSTCODE else found[:5]
