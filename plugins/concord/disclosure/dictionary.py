"""What must not be found outside the vault: identifiers, and how each is written.

An identifier of letters counts where it stands as a word of its own. One of digits
only (a Social Security number, a phone number, a numeric person id) would be hit by
chance among other numbers; it counts when it is written in its usual layout, stands
alone in its cell or in quotes, follows a label such as "ssn", or stands beside another
number of the same person. A canary token is unique by construction and counts wherever
it stands.
"""

import hashlib
import re
import secrets
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from ahocorasick_rs import BytesAhoCorasick
from numpy.typing import NDArray

from concord.disclosure.forms import Kind, written_forms
from concord.disclosure.views import Text, squash

_WIDEST_GAP = 8  # bytes between two words of one identifier
_NEAR = 200  # bytes within which two numbers of one person are one row's
_LABEL = re.compile(
    rb"(?:ssn|social[ _-]?security|phone|telephone|mobile|mrn|patient/|"
    rb"(?:person|patient|student|inmate|offender|client|source|state|person_?record)"
    rb"[ _-]?(?:unique)?[ _-]?(?:id|no|nr|number|key))"
    rb"(?:[ _-]?(?:id|no|nr|number))?[^0-9a-z]{0,4}$"
)
_LABEL_REACH = 40
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Hit:
    """Where an identifier stands, as an index into the dictionary."""

    offset: int
    index: int


class Dictionary:
    """The identifiers to look for; it never shows one."""

    def __init__(self, forms: pa.Table, key: bytes | None = None) -> None:
        """Make the dictionary of forms as ``written_forms`` gives them, in order."""
        self._forms = [form.encode() for form in forms["form"].to_pylist()]
        kinds = forms["kind"].combine_chunks().dictionary_encode()
        self._kinds: list[Kind] = kinds.dictionary.to_pylist()
        self._kind = kinds.indices.to_numpy()
        self._breaks = forms["breaks"].to_numpy()
        self._layouts = forms["layout"].combine_chunks()
        self._owners = forms["owners"].combine_chunks()
        self._numeric = np.diff(self._layouts.offsets.to_numpy()) > 0
        tokens = self._kinds.index("token") if "token" in self._kinds else -1
        digits = np.fromiter((form.isdigit() for form in self._forms), dtype=np.bool_)
        self._anywhere = (self._kind == tokens) & ~digits
        self._key = key or secrets.token_bytes(32)
        self._table = forms
        self._automaton = BytesAhoCorasick(self._forms)

    def __reduce__(self) -> tuple[type["Dictionary"], tuple[pa.Table, bytes]]:
        """Go to another process by the forms, and never by way of a file."""
        return (type(self), (self._table, self._key))

    @classmethod
    def from_vault(
        cls,
        persons: Iterable[pa.Table],
        *,
        tokens: Iterable[str] = (),
        key: bytes | None = None,
    ) -> "Dictionary":
        """Collect the identifiers of the vault's tables and explicit tokens.

        Args:
            persons: Vault tables; columns that a table lacks are skipped.
            tokens: Canaries: strings that exist nowhere but in planted records.
            key: Key of the fingerprints; without it they compare within one run.
        """
        return cls(written_forms(persons, tokens), key)

    def __len__(self) -> int:
        return len(self._forms)

    def __repr__(self) -> str:
        return f"Dictionary({len(self)} forms)"

    def kind(self, hit: Hit) -> Kind:
        """Return the kind of identifier that was hit."""
        return self._kinds[int(self._kind[hit.index])]

    def fingerprint(self, hit: Hit) -> str:
        """Return a keyed hash that stands for the identifier."""
        return self._hashed(self._forms[hit.index])

    def fingerprint_of(self, value: str) -> str:
        """Return the keyed hash of a value, as that of a hit on it would be."""
        return self._hashed(squash(value.encode()))

    def _hashed(self, form: bytes) -> str:
        return hashlib.blake2b(form, key=self._key, digest_size=8).hexdigest()

    def knows(self, value: str) -> bool:
        """Say whether a value as it is written is one of the identifiers."""
        form = squash(value.encode("utf-8", "surrogateescape"))
        place = bisect_left(self._forms, form)
        return place < len(self._forms) and self._forms[place] == form

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
        loose: list[Hit] = []
        for index, first, last in self._standing(found, text):
            hit = Hit(int(text.positions[first]), index)
            if (
                not self._numeric[index]
                or labelled
                or self._is_announced(index, text, first, last, cells)
            ):
                yield hit
            else:
                loose.append(hit)
        yield from self._side_by_side(loose)

    def _standing(
        self, found: list[tuple[int, int, int]], text: Text
    ) -> Iterator[tuple[int, int, int]]:
        """Yield what stands as a word of its own, not interrupted too often or widely.

        Most of what is found are digits within longer numbers; those go all at once.
        """
        if not found:
            return
        index, first, last = np.array(found, dtype=np.int64).T
        last -= 1
        alone = text.starts_words(first) & text.ends_words(last)
        between = text.positions[last] - text.positions[first] - (last - first)
        near = between <= _WIDEST_GAP * self._breaks[index]
        for row in np.flatnonzero((alone | self._anywhere[index]) & near):
            i, a, z = int(index[row]), int(first[row]), int(last[row])
            distances = np.diff(text.positions[a : z + 1])
            gaps = int((distances > 1).sum())
            if gaps > self._breaks[i] or bool((distances > _WIDEST_GAP + 1).any()):
                continue
            start, end = int(text.positions[a]), int(text.positions[z]) + 1
            if not _BINARY.search(text.data, start, end):
                yield i, a, z  # else two values that only lie side by side

    def _is_announced(
        self, index: int, text: Text, first: int, last: int, cells: bool
    ) -> bool:
        """Say whether digits stand as their number is written, or are named by it."""
        lengths: list[int] = self._layouts[index].as_py()
        cuts = list(accumulate(lengths[:-1]))
        gaps = _gaps(text.positions[first : last + 1])
        start, end = int(text.positions[first]), int(text.positions[last]) + 1
        return (
            (len(gaps) > 0 and gaps == cuts)
            or (cells and text.is_whole_cell(first, last))
            or _is_quoted(text.data, start, end)
            or _follows_label(text.data, start)
        )

    def _side_by_side(self, loose: list[Hit]) -> Iterator[Hit]:
        """Yield the numbers that stand beside another number of the same person."""
        loose.sort(key=lambda hit: hit.offset)
        told: set[int] = set()
        for place, hit in enumerate(loose):
            for other in loose[place + 1 :]:
                if other.offset - hit.offset > _NEAR:
                    break
                if self._share_an_owner(hit, other):
                    told |= {hit.offset, other.offset}
        yield from (hit for hit in loose if hit.offset in told)

    def _share_an_owner(self, one: Hit, other: Hit) -> bool:
        """Say whether two different numbers are the same person's."""
        if self._kind[one.index] == self._kind[other.index]:
            return False
        owners: set[Any] = set(self._owners[one.index].as_py())
        return not owners.isdisjoint(self._owners[other.index].as_py())


def is_label(name: str) -> bool:
    """Say whether a column's name announces identifiers made of digits."""
    return _LABEL.search(name.lower().encode()) is not None


def _gaps(positions: NDArray[np.int64]) -> list[int]:
    """Return after how many letters or digits something else stands between."""
    gaps: list[int] = (np.flatnonzero(np.diff(positions) > 1) + 1).tolist()
    return gaps


def _is_quoted(data: bytes, start: int, end: int) -> bool:
    """Say whether the bytes stand alone between quotation marks."""
    before, after = data[max(start - 1, 0) : start], data[end : end + 1]
    return before == after and before in (b'"', b"'")


def _follows_label(data: bytes, start: int) -> bool:
    """Say whether a word that announces an identifier stands just before."""
    return _LABEL.search(data[max(start - _LABEL_REACH, 0) : start].lower()) is not None
