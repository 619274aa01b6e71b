"""Reading and changing records of a staged delivery, whatever their file's form."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def table_file(folder: Path, table: str) -> Path:
    """Return the file of a table, however the agency names it."""
    names = (f"{table}.ndjson", f"{table}.csv", f"*_{table}_*.csv")
    found = sorted(path for name in names for path in folder.glob(name))
    if not found:
        raise ValueError(f"{folder.name} has no file of {table}")
    return found[0]


def rewrite(path: Path, change: Callable[[list[Record]], list[Record]]) -> None:
    """Read a file's records, change them and write them back in the same form."""
    if path.suffix == ".ndjson":
        with path.open(encoding="utf-8") as file:
            rows = change([json.loads(line) for line in file])
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8")
        return
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or ())
        rows = change(list(reader))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def get(record: Record, path: str) -> Any:
    """Return what stands at a path such as ``name[0].family``; None if nothing does."""
    found: Any = record
    for step in _steps(path):
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return None
    return found


def put(record: Record, path: str, value: Any) -> bool:
    """Write a value where one may stand; False if the record has no such place."""
    *steps, last = _steps(path)
    found: Any = record
    for step in steps:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return False
    try:
        found[last]
    except (KeyError, IndexError, TypeError):
        return False
    found[last] = value
    return True


def another(rows: Sequence[Record], path: str) -> Any:
    """Return what another row has at a path and the first has not."""
    here, *others = (get(row, path) for row in rows)
    return next(value for value in others if value not in (here, None, ""))


def _steps(path: str) -> Iterator[Any]:
    for name, index in _STEP.findall(path):
        yield name or int(index)
