"""Text that the usual form doesn't fit: other scripts, odd addresses, foreign phones.

The steps of ``include/linkage/steps.sql`` read what is written as nearly all agencies
write it, at the speed of the engine. What they can't read comes here, value by value.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

# Letters that are no letter with a mark, and what people write in their place.
_LETTERS = str.maketrans(
    {
        "Æ": "AE", "Ð": "D", "Đ": "D", "Ħ": "H", "ı": "I", "Ł": "L", "Ø": "O",
        "Œ": "OE", "Þ": "TH", "ʻ": "'", "ʼ": "'", "’": "'", "‘": "'", "`": "'",
    }
)  # fmt: skip
_STREET = (
    "StreetNamePreModifier", "StreetNamePreType", "StreetName",
    "StreetNamePostModifier",
)  # fmt: skip
REMEMBERED = 100_000
"""How many odd values of one kind are read only once; a county has a few thousand."""


def fold(text: str) -> str:
    """Return text in capitals without marks; what is never seen is taken out."""
    seen = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if unicodedata.category(letter) not in ("Cf", "Mn")
    )
    return unicodedata.normalize("NFC", seen).upper().translate(_LETTERS)


def street_of(words: str) -> str | None:
    """Return ``house|street`` of an address as usaddress reads it; None if it can't.

    A post-office box is a house on the street POBOX.
    """
    import usaddress

    try:
        parts, _ = usaddress.tag(words)
    except usaddress.RepeatedLabelError:
        return None
    if box := parts.get("USPSBoxID"):
        return f"{box}|POBOX"
    street = " ".join(parts[name] for name in _STREET if name in parts)
    if not street or "IntersectionSeparator" in parts:
        return None
    return f"{parts.get('AddressNumber', '')}|{street}"


def phone_of(text: str) -> str | None:
    """Return a phone number that is in use: ten digits, or all of a foreign one."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    digits = phonenumbers.national_significant_number(number)
    return digits if number.country_code == 1 else f"{number.country_code}{digits}"


def add_text_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Add the functions that the steps call to a connection, once."""
    functions = {"fold": fold, "street_of": street_of, "phone_of": phone_of}
    known = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE list_contains(?, function_name)",
        [list(functions)],
    ).fetchall()
    for name in functions.keys() - {name for (name,) in known}:
        con.create_function(
            name,
            _on_arrow(functions[name]),
            ["VARCHAR"],
            "VARCHAR",
            type=ARROW,
            null_handling=SPECIAL,  # what can't be read comes back as null
        )


def _on_arrow(
    function: Callable[[str], str | None],
) -> Callable[[pa.ChunkedArray], pa.Array]:
    """Return the function for a column; the connection remembers what it has read."""
    remembered = lru_cache(REMEMBERED)(function)

    def apply(values: pa.ChunkedArray) -> pa.Array:
        return pa.array(
            [None if text is None else remembered(text) for text in values.to_pylist()],
            pa.string(),
        )

    return apply
