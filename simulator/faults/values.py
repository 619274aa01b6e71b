"""Values that are wrong in files that are right (F25 to F38, R11)."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from simulator.faults.fields import FIELDS, Field, first, knowing
from simulator.faults.model import Effect, Fault, Staged, fault
from simulator.faults.records import Record, another, get, put, rewrite, table_file

Rows = list[Record]


def _edit(
    fields: Sequence[str], change: Callable[[Rows, Field], Rows]
) -> dict[str, Effect]:
    """Make the effect of a change on the first of some fields that a feed has."""

    def damage(staged: Staged) -> None:
        found = first(staged.feed, *fields)
        path = table_file(staged.folder, found.table)
        rewrite(path, lambda rows: change(rows, found))

    able = (f for f, known in FIELDS.items() if not known.keys().isdisjoint(fields))
    return dict.fromkeys(able, Effect(damage=damage))


def _write(fields: Sequence[str], values: Sequence[Any]) -> dict[str, Effect]:
    """Write values into the first rows that have the field, one into each."""

    def change(rows: Rows, found: Field) -> Rows:
        left = list(values)
        for row in rows:
            if not left:
                break
            value = f"{found.prefix}{left[0]}" if found.prefix else left[0]
            if put(row, found.path, value):
                left.pop(0)
        return rows

    return _edit(fields, change)


def _empty(rows: Rows, found: Field) -> Rows:
    """Leave a column empty in every row."""
    for row in rows:
        put(row, found.path, None)
    return rows


def _twice() -> dict[str, Effect]:
    """Give the first row again, under the same key and with something else changed."""

    def damage(staged: Staged) -> None:
        key = FIELDS[staged.feed]["key"]
        other = first(staged.feed, "name", "code")
        named = "name" in FIELDS[staged.feed]

        def change(rows: Rows) -> Rows:
            copies = deepcopy(rows[:1])
            for copy in copies:
                value = "OTHERWISE" if named else another(rows, other.path)
                put(copy, other.path, value)
                if "_etag" in copy:
                    copy["id"] = "f" * 32  # an Ed-Fi item has an id beside its key
            return rows + copies

        rewrite(table_file(staged.folder, key.table), change)

    # A FHIR server has one resource under an id, however often it is told of it.
    able = knowing("key", "sftp", "rest", "edfi")
    return dict.fromkeys(able, Effect(damage=damage))


def _half(rows: Rows, _found: Field) -> Rows:
    """Leave out every second row, and the last."""
    return rows[: len(rows) - 1 : 2]


def _shift(rows: Rows, found: Field) -> Rows:
    """Name the hour that a clock passes twice, without saying which."""
    for row in rows[:3]:
        if told := get(row, found.path):
            put(row, found.path, f"2025-11-02{told[10:11] or 'T'}01:30:00")
    return rows


LOOK_ALIKE = "\u0410D\u200bAMS-MUN\u0303OZ"
TEXT = ("name", "text")
DATE = ("born", "day", "moment")
FAULTS: tuple[Fault, ...] = (
    fault(
        "F25", "a name is a spreadsheet formula", _write(TEXT, ["=cmd|' /C calc'!A0"])
    ),
    fault(
        "F26",
        "a name is HTML with a script",
        _write(TEXT, ["<script>alert(1)</script>"]),
    ),
    fault(
        "F27",
        "numbers are written as 1,234 and 1e5 and NaN and -0",
        _write(["number"], ["1,234", "1e5", "NaN", "-0"]),
    ),
    fault(
        "F28",
        "a key was turned into 1.23E+15 by a spreadsheet",
        _write(["key"], ["1.23E+15"]),
    ),
    fault(
        "F29",
        "dates that no calendar has, or with two digits of the year",
        _write(DATE, ["02/29/1900", "31/02/2026", "01/02/99"]),
    ),
    fault(
        "F30",
        "days in the future and 176 years ago",
        _write(DATE, ["2090-01-01", "1850-01-01"]),
    ),
    fault(
        "F31",
        "birth dates and numbers that only fill a form",
        {
            **_write(["born"], ["1900-01-01", "1900-01-01", "1900-01-01"]),
            **_write(["ssn"], ["000-00-0000", "999-99-9999", "123-45-6789"]),
        },
    ),
    fault(
        "F32",
        "names that stand for nobody",
        _write(["name"], ["UNKNOWN", "DOE", "TEST"]),
    ),
    fault(
        "F33",
        "a name with look-alike letters, a zero-width space and a loose accent",
        _write(["name"], [LOOK_ALIKE]),
    ),
    fault("F34", "a code that is on no code list", _write(["code"], ["ZZ9"])),
    fault("F35", "two rows with one key that contradict each other", _twice()),
    fault(
        "F36",
        "a row points at another that is not there",
        _write(["reference"], ["ZZ99999999"]),
    ),
    fault("F37", "half of the rows are missing", _edit(["key"], _half)),
    fault("F38", "a column is empty in every row", _edit(["born", "code"], _empty)),
    fault(
        "R11",
        "moments in the hour that a clock passes twice, without offset",
        _edit(["moment"], _shift),
    ),
)
