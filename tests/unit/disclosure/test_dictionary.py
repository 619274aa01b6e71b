"""The dictionary: an identifier is found at any offset and in any encoding."""

import base64
import io
import json
import pickle
from collections.abc import Callable
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.disclosure import views
from concord.disclosure.dictionary import Dictionary, is_label
from concord.disclosure.views import Text, decoded, windows

PERSON = pa.table(
    {"first_name": ["Rosalind"], "last_name": ["Thackeray"], "ssn": ["518-44-9021"]}
)
WRITTEN = ("Rosalind Thackeray", "THACKERAY, Rosalind", "518-44-9021")
DICTIONARY = Dictionary.from_vault([PERSON], key=b"k" * 32)
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "base64": lambda text: base64.b64encode(b"a padded " + text.encode() + b" value"),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(
        b"\xff\xfe\xfb " + text.encode() + b" \xff\xff\xff"
    ),
    "percent": lambda text: quote(text, safe="").encode(),
    "json": lambda text: json.dumps(f"é {text} é").encode(),
    "unicode escapes": lambda text: "".join(f"\\u{ord(c):04X}" for c in text).encode(),
    "python": lambda text: repr(f"\t{text}\n".encode()).encode(),
}


def kinds(data: bytes) -> set[str]:
    found = set()
    for _, text in windows(io.BytesIO(data)):
        for seen in (text, *(Text(plain.data) for plain in decoded(text.data))):
            found |= {DICTIONARY.kind(hit) for hit in DICTIONARY.hits(seen)}
    return found


@given(
    written=st.sampled_from(WRITTEN),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
)
def test_it_is_found_whatever_stands_around_it(
    written: str, encoding: str, before: bytes, after: bytes
) -> None:
    data = before + b" " + ENCODINGS[encoding](written) + b" " + after

    assert kinds(data) & {"name", "ssn"}


@pytest.mark.parametrize("offset", range(0, 140, 3))
def test_it_is_found_across_the_edge_of_a_window(
    offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "WINDOW", 64)
    monkeypatch.setattr(views, "OVERLAP", 32)

    assert kinds(b"." * offset + b"Rosalind Thackeray" + b"." * 90) == {"name"}
    assert kinds(b"x" * offset + b"Rosalind Thackeray" + b"x" * 90) <= (
        {"name"} if offset == 0 else set()
    )


@given(data=st.binary(max_size=400))
def test_windows_hold_every_byte_once_or_more(data: bytes) -> None:
    whole = bytearray(len(data))
    for start, text in windows(io.BytesIO(data)):
        whole[start : start + len(text.data)] = text.data

    assert bytes(whole) == data


@pytest.mark.parametrize(
    ("column", "labelled"),
    [
        ("ssn", True),
        ("SSN", True),
        ("person_id", True),
        ("studentUniqueId", True),
        ("phone_number", True),
        ("person_token", False),
        ("incident_id", False),
        ("rows", False),
    ],
)
def test_a_column_named_after_an_identifier_is_a_label(
    column: str, labelled: bool
) -> None:
    assert is_label(column) is labelled


def test_what_identifies_nobody_is_not_looked_for() -> None:
    nobody = pa.table(
        {
            "first_name": ["Unknown", "A", None, "Baby"],
            "last_name": ["Unknown", "Lee", "Smithson", "Girlsson"],
            "ssn": ["000-00-0000", "12", None, "n/a"],
            "phone": ["999-999-9999", "none", None, "911"],
            "street": ["Homeless", "General Delivery", None, "12"],
            "source_id": ["88", "ABC", None, ""],
        }
    )

    assert len(Dictionary.from_vault([nobody])) == 0


def test_a_numeric_id_counts_in_the_layout_in_which_it_is_written() -> None:
    persons = Dictionary.from_vault([pa.table({"source_id": ["12-3456-7"]})])

    def hits(data: bytes) -> int:
        return len(list(persons.hits(Text(data))))

    assert [hits(b"12-3456-7"), hits(b"12 3456 7"), hits(b"123-456-7")] == [1, 1, 0]
    assert [hits(b"rows 1234567"), hits(b"patient_id 1234567")] == [0, 1]


def test_record_keys_are_not_identifiers() -> None:
    assert len(Dictionary.from_vault([pa.table({"record_key": ["0" * 32]})])) == 0


def test_a_number_plate_is_looked_for_where_a_vault_has_it() -> None:
    plates = Dictionary.from_vault(
        [pa.table({"plate": ["KZ 47-118", "12345", "ABCDE"]})]
    )

    assert len(plates) == 1
    assert [plates.kind(hit) for hit in plates.hits(Text(b"seen kz47118 at"))] == [
        "plate"
    ]


def test_a_dictionary_goes_to_another_process_whole() -> None:
    copied = pickle.loads(pickle.dumps(DICTIONARY))
    text = Text(b"for Rosalind Thackeray")

    (here,), (there,) = DICTIONARY.hits(text), copied.hits(text)
    assert DICTIONARY.fingerprint(here) == copied.fingerprint(there)
