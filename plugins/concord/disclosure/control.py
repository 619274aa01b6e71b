"""The positive control: the scan sees every identifier where it may stand.

A scan that finds nothing proves something only if the same scan, with the same
dictionary, finds everything in the opened vault.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from concord.disclosure.dictionary import Dictionary
from concord.disclosure.forms import IDENTIFYING
from concord.disclosure.pieces import cells_piece
from concord.disclosure.views import SEPARATOR, windows


@dataclass(frozen=True)
class Control:
    """How many of the vault's identifiers were looked for, and how many were seen."""

    sought: int
    seen: int

    @property
    def passed(self) -> bool:
        """Say whether every identifier was seen; a vault with none proves nothing."""
        return 0 < self.sought == self.seen

    def __str__(self) -> str:
        share = self.seen / self.sought if self.sought else 0
        return f"{self.seen:,} of {self.sought:,} identifiers seen ({share:.1%})"


def control(dictionary: Dictionary, tables: Iterable[pa.Table]) -> Control:
    """Look for the dictionary's identifiers in the tables that it was made of."""
    sought = seen = 0
    for table in tables:
        for values in _columns(table):
            known = [value for value in values if dictionary.knows(value)]
            sought += len(known)
            seen += _seen(dictionary, known)
    return Control(sought, seen)


def planted(
    dictionary: Dictionary, records: Iterable[Iterable[str]], tables: Iterable[pa.Table]
) -> Control:
    """Look for planted records in opened tables: one token is enough to know it."""
    wanted = [set(map(dictionary.fingerprint_of, tokens)) for tokens in records]
    found: set[str] = set()
    for table in tables:
        for name in table.column_names:
            if not pa.types.is_string(table[name].type):
                continue
            texts = pc.unique(table[name]).drop_null().to_pylist()
            piece = cells_piece("", texts, labelled=True)
            for _, text in windows(piece.handle):
                hits = dictionary.hits(text, cells=True, labelled=True)
                found |= {dictionary.fingerprint(hit) for hit in hits}
    return Control(len(wanted), sum(not tokens.isdisjoint(found) for tokens in wanted))


def _columns(table: pa.Table) -> Iterator[list[str]]:
    """Yield the distinct values of each identifying column; names are full names."""
    for name in IDENTIFYING:
        if name not in table.column_names:
            continue
        column = table[name]
        if name == "last_name":
            if "first_name" not in table.column_names:
                continue
            column = pc.binary_join_element_wise(table["first_name"], column, " ")
        values: list[str] = pc.unique(column).drop_null().to_pylist()
        yield values


def _seen(dictionary: Dictionary, values: list[str]) -> int:
    """Count the values in whose cell the scan finds something."""
    piece = cells_piece("", values, labelled=False)
    starts, at = [], 0
    for value in values:
        starts.append(at)
        at += len(value.encode("utf-8", "surrogateescape")) + len(SEPARATOR)
    cells = {
        bisect_right(starts, begin + hit.offset)
        for begin, text in windows(piece.handle)
        for hit in dictionary.hits(text, cells=True)
    }
    return len(cells)
