"""Where a column's value stands in a JSON document, as a contract writes it.

``name[0].family`` names a place. ``identifier[?system='urn:x'].value`` takes the first
element of a list whose ``system`` is that text. In a table of the elements of a list,
``^.id`` is a place in the record around the list and ``#`` an element's number.
"""

import re
from dataclasses import dataclass

_KEY = r'(?:[^\s.\[\]"\'?*^#$]+|"[^"]+")'
_PLACE = rf"{_KEY}(?:\[\d+\])*(?:\.{_KEY}(?:\[\d+\])*)*"
_FILTER = re.compile(rf"({_PLACE})\[\?({_PLACE})='([^']*)'\](?:\.|$)")
_REST = re.compile(rf"{_PLACE}")
_ELEMENTS = re.compile(rf"{_PLACE}(?:\[\*\]\.{_PLACE})*\[\*\]")
PARENT, NUMBER, ITSELF = "^.", "#", "."


@dataclass(frozen=True)
class Pick:
    """The elements of a list whose ``key`` is a text; the first of them is meant."""

    items: str
    key: str
    text: str


@dataclass(frozen=True)
class JsonPath:
    """A place in a document: from the record or its element, by way of lists."""

    of_parent: bool
    picks: tuple[Pick, ...]
    place: str  # the rest; empty where the picked element itself is meant

    @property
    def is_number(self) -> bool:
        """Say whether an element's number is meant."""
        return self.place == NUMBER


def read_path(text: str) -> JsonPath:
    """Read a column's path; raises ValueError where it is none."""
    if text in (NUMBER, ITSELF):
        return JsonPath(False, (), text.strip(ITSELF))
    rest = text.removeprefix(PARENT)
    picks = []
    while found := _FILTER.match(rest):
        picks.append(Pick(*found.groups()))
        rest = rest[found.end() :]
    if not (_REST.fullmatch(rest) or (picks and not rest)):
        raise ValueError(f"'{text}' is no path")
    return JsonPath(text.startswith(PARENT), tuple(picks), rest)


def read_elements(text: str) -> str | Pick:
    """Read the list whose elements are rows; raises ValueError where it is none."""
    found = _FILTER.fullmatch(text)
    if found:
        return Pick(*found.groups())
    if not _ELEMENTS.fullmatch(text):
        raise ValueError(
            f"'{text}' names no list; write items[*] or items[?key='text']"
        )
    return text
