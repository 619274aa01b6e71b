"""What must not be found outside the vault: identifiers, and how each is written.

An identifier of letters counts where it stands as a word of its own. One of digits
only (a Social Security number, a phone number, a numeric person id) would be hit by
chance among other numbers; it counts when it is written in its usual layout, stands
alone in its cell or in quotes, or follows a label such as "ssn". A canary token is
unique by construction and counts wherever it stands.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from ahocorasick_rs import BytesAhoCorasick

from concord.disclosure.views import Text, squash, words
from concord.exceptions import ConfigError

Kind = Literal[
    "name", "ssn", "phone", "email", "source_id", "state_id", "student_number",
    "medical_number", "street", "token",
]  # fmt: skip

_SHORTEST: dict[Kind, int] = {
    "name": 7, "email": 7, "street": 7, "source_id": 6, "state_id": 6,
    "student_number": 6, "medical_number": 6, "token": 6,
}  # fmt: skip
_WIDEST_GAP = 8  # bytes between two words of one identifier
_PLACEHOLDERS = frozenset(
    b"unknown unk none null nfn nln fnu lnu refused doe baby infant newborn".split()
)
_LABEL = re.compile(
    rb"(?:ssn|social[ _-]?security|phone|telephone|mobile|mrn|patient/|"
    rb"(?:person|patient|student|inmate|offender|client|source|state|person_?record)"
    rb"[ _-]?(?:unique)?[ _-]?(?:id|no|nr|number|key))"
    rb"(?:[ _-]?(?:id|no|nr|number))?[^0-9a-z]{0,4}$"
)
_LABEL_REACH = 40
_DIGIT = re.compile(rb"[0-9]")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Identifier:
    """How one written form of an identifier has to stand to count."""

    kind: Kind
    breaks: int
    """In how many places it may be interrupted."""
    cuts: tuple[int, ...] | None
    """Where digits are interrupted in their usual layout; None for letters."""
    anywhere: bool
    """Whether it counts inside a longer word too."""


@dataclass(frozen=True)
class Hit:
    """Where an identifier stands, as an index into the dictionary."""

    offset: int
    index: int


class Dictionary:
    """The identifiers to look for; it never shows one."""

    def __init__(
        self, identifiers: Iterable[tuple[bytes, Identifier]], key: bytes | None = None
    ) -> None:
        forms: dict[bytes, Identifier] = {}
        for form, identifier in identifiers:
            forms.setdefault(form, identifier)
        self._forms = list(forms)
        self._identifiers = list(forms.values())
        self._key = key or secrets.token_bytes(32)
        self._automaton = BytesAhoCorasick(self._forms)

    @classmethod
    def from_vault(
        cls,
        persons: Iterable[pa.Table],
        *,
        tokens: Iterable[str] = (),
        key: bytes | None = None,
    ) -> "Dictionary":
        """Collect the identifiers of person records and explicit tokens.

        Args:
            persons: Vault person tables; columns that a table lacks are skipped.
            tokens: Canaries: strings that exist nowhere but in planted records.
            key: Key of the fingerprints; without it they compare within one run.
        """
        return cls(_all_forms(persons, tokens), key)

    def __len__(self) -> int:
        return len(self._forms)

    def __repr__(self) -> str:
        return f"Dictionary({len(self)} forms)"

    def kind(self, hit: Hit) -> Kind:
        """Return the kind of identifier that was hit."""
        return self._identifiers[hit.index].kind

    def fingerprint(self, hit: Hit) -> str:
        """Return a keyed hash that stands for the identifier."""
        return hashlib.blake2b(
            self._forms[hit.index], key=self._key, digest_size=8
        ).hexdigest()

    def hits(
        self, text: Text, *, cells: bool = False, labelled: bool = False
    ) -> Iterator[Hit]:
        """Find every identifier that counts.

        Args:
            text: What to look through.
            cells: Whether it holds the cells of a column rather than running text.
            labelled: Whether its column's name says that it holds identifiers.
        """
        if not self._forms:
            return
        found = self._automaton.find_matches_as_indexes(text.joined, overlapping=True)
        for index, start, end in found:
            identifier = self._identifiers[index]
            if _counts(identifier, text, start, end - 1, cells, labelled):
                yield Hit(int(text.positions[start]), index)


def is_label(name: str) -> bool:
    """Say whether a column's name announces identifiers made of digits."""
    return _LABEL.search(name.lower().encode()) is not None


def _counts(
    identifier: Identifier,
    text: Text,
    first: int,
    last: int,
    cells: bool,
    labelled: bool,
) -> bool:
    """Decide whether letters that spell an identifier really are one."""
    distances = np.diff(text.positions[first : last + 1])
    gaps = np.flatnonzero(distances > 1) + 1
    if len(gaps) > identifier.breaks or bool((distances > _WIDEST_GAP + 1).any()):
        return False
    start, end = int(text.positions[first]), int(text.positions[last]) + 1
    if _BINARY.search(text.data, start, end):
        return False  # two values that only lie side by side
    if identifier.anywhere:
        return True
    if not (text.starts_word(first) and text.ends_word(last)):
        return False
    if identifier.cuts is None or labelled:
        return True
    return (
        (len(gaps) > 0 and tuple(gaps.tolist()) == identifier.cuts)
        or (cells and text.is_whole_cell(first, last))
        or _is_quoted(text.data, start, end)
        or _follows_label(text.data, start)
    )


def _is_quoted(data: bytes, start: int, end: int) -> bool:
    """Say whether the bytes stand alone between quotation marks."""
    before, after = data[max(start - 1, 0) : start], data[end : end + 1]
    return before == after and before in (b'"', b"'")


def _follows_label(data: bytes, start: int) -> bool:
    """Say whether a word that announces an identifier stands just before."""
    return _LABEL.search(data[max(start - _LABEL_REACH, 0) : start].lower()) is not None


def _all_forms(
    persons: Iterable[pa.Table], tokens: Iterable[str]
) -> Iterator[tuple[bytes, Identifier]]:
    """Yield every written form of every identifier; canaries come first and win."""
    for number, token in enumerate(tokens, 1):
        forms = list(_forms("token", token))
        if not forms:
            raise ConfigError(
                f"canary token {number}: needs {_SHORTEST['token']} letters or digits "
                "to be unique"
            )
        yield from forms
    written: tuple[Kind, ...] = (
        "source_id", "state_id", "student_number", "medical_number", "email", "street",
    )  # fmt: skip
    for table in persons:
        for row in table.select(_known_columns(table)).to_pylist():
            yield from _name_forms(row)
            yield from _digit_forms("ssn", row.get("ssn"), 9, (3, 5))
            yield from _digit_forms("phone", row.get("phone"), 10, (3, 6))
            for column in written:
                yield from _forms(column, row.get(column) or "")


def _known_columns(table: pa.Table) -> list[str]:
    known = {
        "first_name", "middle_name", "last_name", "ssn", "phone", "email", "source_id",
        "state_id", "student_number", "medical_number", "street",
    }  # fmt: skip
    return [name for name in table.column_names if name in known]


def _spellings(value: str) -> set[bytes]:
    """Return the value composed, decomposed and without accents."""
    if value.isascii():
        return {value.encode()}
    composed = unicodedata.normalize("NFC", value)
    apart = unicodedata.normalize("NFD", value)
    plain = "".join(c for c in apart if not unicodedata.combining(c))
    return {text.encode("utf-8", "replace") for text in (composed, apart, plain)}


def _forms(kind: Kind, value: str) -> Iterator[tuple[bytes, Identifier]]:
    """Yield the forms of a value as it is written."""
    for spelling in _spellings(value):
        form = squash(spelling)
        if len(form) < _SHORTEST[kind] or not _identifies(kind, form):
            continue
        anywhere = kind == "token" and not form.isdigit()
        cuts = _layout(spelling) if form.isdigit() and kind != "token" else None
        yield form, _identifier(kind, len(words(spelling)) - 1, cuts, anywhere)


@lru_cache(maxsize=4096)
def _identifier(
    kind: Kind, breaks: int, cuts: tuple[int, ...] | None, anywhere: bool
) -> Identifier:
    """Share one object among the many forms that stand the same way."""
    return Identifier(kind, breaks, cuts, anywhere)


def _identifies(kind: Kind, form: bytes) -> bool:
    """Say whether a form tells persons apart: a street without a number doesn't."""
    digits = len(_DIGIT.findall(form))
    match kind:
        case "street":
            return 0 < digits < len(form)
        case "source_id" | "state_id" | "student_number" | "medical_number":
            return digits >= 4
        case _:
            return True


def _layout(spelling: bytes) -> tuple[int, ...]:
    """Return where a number of digits only is interrupted as it is written."""
    cuts, length = [], 0
    for word in words(spelling)[:-1]:
        length += len(word)
        cuts.append(length)
    return tuple(cuts)


def _digit_forms(
    kind: Kind, value: Any, length: int, cuts: tuple[int, ...]
) -> Iterator[tuple[bytes, Identifier]]:
    """Yield the forms of a number with a usual layout, with and without 1 before it."""
    digits = squash(str(value or "").encode()).lstrip(b"+")
    if kind == "phone" and len(digits) == length + 1 and digits.startswith(b"1"):
        digits = digits[1:]
    if len(digits) != length or not digits.isdigit() or len(set(digits)) == 1:
        return
    yield digits, _identifier(kind, len(cuts), cuts, False)
    if kind == "phone":
        longer = (1, *(cut + 1 for cut in cuts))
        yield b"1" + digits, _identifier(kind, len(longer), longer, False)


def _name_forms(row: dict[str, Any]) -> Iterator[tuple[bytes, Identifier]]:
    """Yield the full name in the orders in which people write it."""
    first, middle, last = (
        str(row.get(f"{part}_name") or "") for part in ("first", "middle", "last")
    )
    if min(len(first), len(last)) < 2 or _is_placeholder(first, last):
        return
    orders: list[tuple[str, ...]] = [(first, last), (last, first)]
    if middle:
        orders += [(first, middle, last), (last, first, middle)]
        orders += [(first, middle[0], last), (last, first, middle[0])]
    for order in orders:
        yield from _forms("name", " ".join(order))


def _is_placeholder(*parts: str) -> bool:
    """Say whether a name only says that the name is not known."""
    return any(
        word in _PLACEHOLDERS for p in parts for word in words(p.lower().encode())
    )
