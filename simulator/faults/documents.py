"""JSON documents that are wrong by themselves or lack what the contract has."""

from collections.abc import Callable
from pathlib import Path

from simulator.faults.fields import FIELDS, first, knowing
from simulator.faults.model import Effect, Fault, Staged, fault
from simulator.faults.records import Record, rewrite, table_file


def _persons(staged: Staged) -> Path:
    return table_file(staged.folder, FIELDS[staged.feed]["name"].table)


def _rename(staged: Staged) -> None:
    """Serve ``dob`` where the contract has the date of birth, or what else it has."""
    column = first(staged.feed, "born", "code")
    path, name = table_file(staged.folder, column.table), column.path
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        header, _, rest = text.partition("\n")
        names = ["dob" if cell == name else cell for cell in header.split(",")]
        path.write_text(f"{','.join(names)}\n{rest}", encoding="utf-8")
    else:
        path.write_text(text.replace(f'"{name}":', '"dob":'), encoding="utf-8")


def _each(change: Callable[[Record, str], None]) -> Effect:
    """Make the effect of a change on every document of a person."""

    def damage(staged: Staged) -> None:
        born = FIELDS[staged.feed]["born"].path

        def every(rows: list[Record]) -> list[Record]:
            for row in rows:
                change(row, born)
            return rows

        rewrite(_persons(staged), every)

    return Effect(damage=damage)


def _drop(row: Record, born: str) -> None:
    row.pop(born, None)


def _add(row: Record, _born: str) -> None:
    row["gang"] = "none"


def _cut_last(staged: Staged) -> None:
    """Cut the last line in the middle, as a broken transfer does."""
    path = _persons(staged)
    content = path.read_bytes().rstrip(b"\n")
    start = content.rfind(b"\n") + 1
    path.write_bytes(content[: start + (len(content) - start) // 2])


def _in_bytes(old: bytes, new: bytes) -> Effect:
    """Put bytes in the first place where others stand."""

    def damage(staged: Staged) -> None:
        path = _persons(staged)
        path.write_bytes(path.read_bytes().replace(old, new, 1))

    return Effect(damage=damage)


def _empty(staged: Staged) -> None:
    _persons(staged).write_bytes(b"")


JSON = ("rest", "edfi", "fhir")
PERSONS = knowing("born", *JSON)
NAMED = b'"family":"'
FAULTS: tuple[Fault, ...] = (
    fault(
        "F17",
        "a column has a new name",
        dict.fromkeys(knowing("code", "sftp", *JSON), Effect(damage=_rename)),
        probation="renamed_column",
    ),
    fault("F18", "a column that nobody knows", dict.fromkeys(PERSONS, _each(_add))),
    fault("F19", "a column is missing", dict.fromkeys(PERSONS, _each(_drop))),
    fault("F1", "a file of 0 bytes", dict.fromkeys(PERSONS, Effect(damage=_empty))),
    fault(
        "F7", "a byte of Latin-1 in a name", {"fhir": _in_bytes(NAMED, NAMED + b"\xe9")}
    ),
    fault("F8", "a NUL byte in a name", {"fhir": _in_bytes(NAMED, NAMED + b"\x00")}),
    fault(
        "T32",
        "the last line of a file breaks off",
        {"fhir": Effect(damage=_cut_last)},
        hospital="truncated_ndjson",
    ),
)
