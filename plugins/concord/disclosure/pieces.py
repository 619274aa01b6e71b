"""The parts of an artefact that the scan looks at, whatever they were packed in."""

import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import duckdb
import pyarrow as pa

from concord.disclosure.views import SEPARATOR

BROKEN = (
    OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, RuntimeError,
    sqlite3.Error, duckdb.Error, pa.ArrowException,
)  # fmt: skip
"""What is raised when something can't be opened."""


@dataclass(frozen=True)
class Piece:
    """Bytes to look through."""

    place: str
    handle: BinaryIO
    cells: bool = False
    labelled: bool = False


@dataclass(frozen=True)
class Name:
    """A name of a member, table or column; it may itself be an identifier."""

    place: str
    text: str


@dataclass(frozen=True)
class Unreadable:
    """A part that could not be opened."""

    place: str


Part = Piece | Name | Unreadable


def cells_piece(place: str, values: Sequence[str], labelled: bool) -> Piece:
    """Make one piece of many cells."""
    data = SEPARATOR.join(v.encode("utf-8", "surrogateescape") for v in values)
    return Piece(place, io.BytesIO(data), cells=True, labelled=labelled)


def guarded(found: Iterator[Part], place: str) -> Iterator[Part]:
    """Yield what can be read and say where reading failed."""
    try:
        yield from found
    except BROKEN:
        yield Unreadable(place)
