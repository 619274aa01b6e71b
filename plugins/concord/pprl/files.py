"""An agency's CSV read and its encodings written; no message ever holds a value."""

import base64
import csv
import io
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from concord.exceptions import DataError
from concord.pprl.columns import Columns
from concord.pprl.encoder import BATCH, ENCODINGS, Encoder, Encodings
from concord.pprl.values import Mode, Person, person, salts
from concord.zones import write_bytes

CROWD = 20
"""More records than this with one salt are not encoded under it: who knows as many of
them learns from their bits what the others' mean."""

SHOWN = 20
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Written:
    """What became of a file: counts only."""

    records: int
    label: str
    encoded: dict[str, int]
    crowded: int
    unusable: int


@dataclass
class _Read:
    """What a file holds, and where it is wrong."""

    ids: list[str] = field(default_factory=list)
    persons: list[Person] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)


def encode_file(
    source: Path,
    target: Path,
    columns: Columns,
    encoder: Encoder,
    *,
    bad_dates_unknown: bool = False,
    progress: Progress = lambda what, done, of: None,
) -> Written:
    """Encode a CSV file of persons; the encodings appear whole, or not at all.

    Rows are written in order of their record ids: the order of the agency's file, often
    alphabetical, would tell names.

    Args:
        source: The agency's file, one row a person.
        target: Where the encodings go, readable by their owner alone.
        columns: What the file's columns are.
        encoder: Encodes under the linkage key.
        bad_dates_unknown: Take dates of birth that are none for unknown ones.
        progress: Told how far it is.

    Raises:
        DataError: ``ENCODE_HEADER``, ``ENCODE_UNREADABLE`` or ``ENCODE_VALUES``, with
            lines and columns, never a value. Nothing is written.
    """
    if target.exists() and target.samefile(source):
        raise DataError(
            "ENCODE_UNREADABLE",
            feed=source.name,
            detail="the encodings would overwrite the agency's own file",
            remedy="Name another file with --to",
        )
    read = _read(source, columns, progress)
    bad = read.broken + ([] if bad_dates_unknown else read.undated)
    if bad:
        shown = "; ".join(bad[:SHOWN]) + ("; …" if len(bad) > SHOWN else "")
        raise DataError(
            "ENCODE_VALUES",
            feed=source.name,
            detail=f"{len(bad)} places can't be encoded: {shown}",
            remedy="Correct them; dates alone may be taken for unknown with "
            "--bad-dates-unknown",
        )
    crowded = _crowded(read.persons, encoder.mode)
    header = ",".join(("record_id", "encoding", *ENCODINGS[encoder.mode]))
    lines = [f"{header}\n"]
    encoded: Counter[str] = Counter()
    order = sorted(range(len(read.ids)), key=lambda at: read.ids[at])
    for begin in range(0, len(order), BATCH):
        rows = order[begin : begin + BATCH]
        found = encoder.encode([read.persons[at] for at in rows], crowded)
        lines.append(_lines([read.ids[at] for at in rows], found, encoder.label))
        for number, name in enumerate(ENCODINGS[encoder.mode]):
            encoded[name] += int(found.present[:, number].sum())
        encoded["none"] += int((~found.present.any(axis=1)).sum())
        progress("encoding", begin + len(rows), len(order))
    write_bytes(target, "".join(lines).encode("utf-8"), mode=0o600)
    return Written(
        records=len(read.ids),
        label=encoder.label,
        encoded=dict(encoded),
        crowded=len(crowded),
        unusable=len(read.undated),
    )


def packed_text(bits: bytes) -> str:
    """Write an encoding as text: base64."""
    return base64.b64encode(bits).decode("ascii")


def _lines(ids: list[str], found: Encodings, label: str) -> str:
    """Return the rows of some records."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for own, bits, present in zip(ids, found.bits, found.present.tolist(), strict=True):
        texts = (
            packed_text(one.tobytes()) if there else ""
            for one, there in zip(bits, present, strict=True)
        )
        writer.writerow((own, label, *texts))
    return lines.getvalue()


def _crowded(persons: list[Person], mode: Mode) -> frozenset[tuple[int, str]]:
    """Return the salts that more than ``CROWD`` records share."""
    if mode == "plain":
        return frozenset()
    counted = Counter(
        (number, salt)
        for one in persons
        for number, salt in enumerate(salts(one, mode))
        if salt is not None
    )
    return frozenset(salt for salt, count in counted.items() if count > CROWD)


def _read(source: Path, columns: Columns, progress: Progress) -> _Read:
    """Read a file whole; raises DataError where it is no CSV of these columns."""
    try:
        with source.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            text = io.TextIOWrapper(raw, _codec(columns), newline="")
            reader = csv.reader(text, delimiter=columns.delimiter, strict=True)
            places = _places(source, next(reader, []), columns)
            read = _Rows(columns, places)
            for row in reader:
                read.take(row, reader.line_num)
                if reader.line_num % BATCH == 0:
                    progress("reading", raw.tell(), size)
            progress("reading", size, size)
            return read.found
    except FileNotFoundError:
        what = "no such file"
    except (OSError, UnicodeError, csv.Error) as error:
        what = f"not a CSV file in {columns.encoding} ({type(error).__name__})"
    raise DataError(
        "ENCODE_UNREADABLE",
        feed=source.name,
        detail=what,
        remedy="Correct the file's path, or encoding and delimiter in the columns file",
    )


def _codec(columns: Columns) -> str:
    """Return the codec of a file; a byte order mark of UTF-8 is no part of it."""
    return "utf-8-sig" if columns.encoding == "utf-8" else columns.encoding


def _places(source: Path, header: list[str], columns: Columns) -> dict[str, int]:
    """Return where each wanted column stands; a header's own names are not shown.

    In a file without a header they would be a person's values.
    """
    places = {name.strip(): at for at, name in enumerate(header)}
    wanted = [columns.record_id, *(c for of in columns.sources.values() for c in of)]
    missing = sorted({name for name in wanted if name not in places})
    if missing:
        raise DataError(
            "ENCODE_HEADER",
            feed=source.name,
            detail=f"line 1 has no column {', '.join(missing)}",
            remedy="The first line must name the columns as the columns file does",
        )
    return places | {"": len(header)}


class _Rows:
    """Takes rows one by one, and notes where one can't be used."""

    def __init__(self, columns: Columns, places: dict[str, int]) -> None:
        self.found = _Read()
        self._width = places[""]
        self._id = places[columns.record_id]
        self._fields = {
            name: [places[column] for column in of]
            for name, of in columns.sources.items()
        }
        self._born = self._fields.pop("birth_date")
        self._columns = columns
        self._unknown = {"", *(text.strip().upper() for text in columns.unknown)}
        self._seen: set[str] = set()
        self._day = lru_cache(1 << 16)(self._parsed)  # days recur, and parsing is slow

    def take(self, row: list[str], line: int) -> None:
        """Take one row."""
        if not row:
            return
        if len(row) != self._width:
            self.found.broken.append(
                f"line {line}: {len(row)} columns, {self._width} are needed"
            )
            return
        own = row[self._id].strip()
        if not own or own in self._seen:
            what = "stands on an earlier line too" if own else "is empty"
            self.found.broken.append(f"line {line}, {self._columns.record_id}: {what}")
            return
        self._seen.add(own)
        values: dict[str, str | None] = {
            name: self._text(row, at) for name, at in self._fields.items()
        }
        self.found.ids.append(own)
        self.found.persons.append(person(values, self._date(row, line)))

    def _text(self, row: list[str], places: list[int]) -> str:
        """Return a field's columns as one text; empty where it isn't known."""
        texts = (row[at].strip() for at in places)
        return " ".join(text for text in texts if text.upper() not in self._unknown)

    def _date(self, row: list[str], line: int) -> date | None:
        """Return the date of birth; notes one that is none."""
        text = self._text(row, self._born)
        if not text:
            return None
        day = self._day(text)
        if day is None:
            names = " ".join(self._columns.sources["birth_date"])
            self.found.undated.append(
                f"line {line}, {names}: is no date of the form "
                f"{self._columns.date_format}"
            )
        return day

    def _parsed(self, text: str) -> date | None:
        """Return the day that a text names; None if it names none."""
        try:
            # A day has no time zone.
            return datetime.strptime(text, self._columns.date_format).date()  # noqa: DTZ007
        except ValueError:
            return None
