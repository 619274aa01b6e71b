"""Nights that repeat or contradict one another (F39, T31, R1 to R10)."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED

from simulator.agencies.agency import pack, unpack
from simulator.faults.fields import FIELDS, first, knowing
from simulator.faults.model import ZIPPED, Effect, Fault, Staged, fault
from simulator.faults.records import Record, another, get, put, rewrite, table_file

LATE = "the night's delivery is withheld until it is released"
ALL = ("sftp", "rest", "edfi", "fhir")
TABLES = (".csv", ".ndjson")
VERSION = "_changeVersion"
EXPORT = "ExportID"  # which all rows of a night share


def _before(staged: Staged) -> Path:
    """Return the files of the night before, without which some faults can't be."""
    if staged.before is None or not staged.before.is_dir():
        raise ValueError(f"this fault of {staged.feed} needs a night served before it")
    return staged.before


def _again(staged: Staged) -> None:
    """Deliver the night before once more, byte for byte."""
    before = _before(staged)
    shutil.rmtree(staged.folder)
    shutil.copytree(before, staged.folder)


def _again_packed(staged: Staged) -> None:
    """Deliver the night before once more, in gzip or in another zip."""
    _again(staged)
    path = staged.folder / "manifest.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    for entry in told["files"]:
        sent = staged.folder / entry["name"]
        if staged.feed in ZIPPED:
            packed = sent
            pack(packed, unpack(sent, staged.folder), ZIP_STORED)
        else:
            packed = sent.with_name(sent.name + ".gz")
            packed.write_bytes(gzip.compress(sent.read_bytes(), mtime=0))
            sent.unlink()
        data = packed.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        entry.update(name=packed.name, bytes=len(data), sha256=digest)
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _under_new_names(staged: Staged) -> None:
    """Put the content of the night before under tonight's names."""
    then, now = (
        sorted(path for path in folder.iterdir() if path.suffix in TABLES)
        for folder in (_before(staged), staged.folder)
    )
    for old, new in zip(then, now, strict=True):
        shutil.copyfile(old, new)


def _records(staged: Staged) -> list[Record]:
    """Return the persons, or the first things, of the night before."""
    found: list[Record] = []

    def look(rows: list[Record]) -> list[Record]:
        found.extend(deepcopy(rows))
        return rows

    source = table_file(_before(staged), FIELDS[staged.feed]["key"].table)
    copy = staged.folder / f"before{source.suffix}"
    shutil.copyfile(source, copy)
    rewrite(copy, look)
    copy.unlink()
    if not found:
        raise ValueError(f"{staged.feed} served nothing the night before")
    return found


def _append(staged: Staged, row: Record) -> None:
    """Add a record to tonight's, in place of one with the same key."""
    key = FIELDS[staged.feed]["key"]

    def change(rows: list[Record]) -> list[Record]:
        same = get(row, key.path)
        newest = max([get(r, VERSION) or 0 for r in [row, *rows]])
        if VERSION in row:
            row[VERSION] = newest + 1
        if EXPORT in row:
            row[EXPORT] = rows[0][EXPORT]
        return [*(r for r in rows if get(r, key.path) != same), row]

    rewrite(table_file(staged.folder, key.table), change)


def _correct(staged: Staged) -> None:
    """Send a record of the night before again, with one thing corrected."""
    rows, wrong = _records(staged), first(staged.feed, "name", "code").path
    row, named = rows[0], "name" in FIELDS[staged.feed]
    put(row, wrong, "CORRECTED" if named else another(rows, wrong))
    if "action" in row:
        row["action"] = "U"
    _append(staged, row)


def _delete_by_code(staged: Staged) -> None:
    _append(staged, {**_records(staged)[0], "action": "D"})


def _delete_by_date(staged: Staged) -> None:
    _append(staged, {**_records(staged)[0], "DateDeleted": "2026-01-05 10:00:00"})


def _delete_by_absence(staged: Staged) -> None:
    table = FIELDS[staged.feed]["key"].table
    rewrite(table_file(staged.folder, table), lambda rows: rows[1:])


def _delete_by_tombstone(staged: Staged) -> None:
    row = _records(staged)[0]
    key = {"studentUniqueId": row["studentUniqueId"]}
    gone = {"id": row["id"], "changeVersion": row[VERSION] + 10**6, "keyValues": key}
    _add_line(staged.folder / "students.deletes.ndjson", gone)


def _delete_by_bundle(staged: Staged) -> None:
    request = {"method": "DELETE", "url": f"Patient/{_records(staged)[0]['id']}"}
    bundle = {"resourceType": "Bundle", "type": "transaction"}
    _add_line(
        staged.folder / "deleted.ndjson", {**bundle, "entry": [{"request": request}]}
    )


def _change_key(staged: Staged) -> None:
    """Move the entry of an enrolment by a week, which is part of its key."""
    name = "studentSchoolAssociations"
    source = table_file(_before(staged), name)
    row = json.loads(source.read_text(encoding="utf-8").split("\n", 1)[0])
    old = {
        "entryDate": row["entryDate"],
        "schoolId": row["schoolReference"]["schoolId"],
        "studentUniqueId": row["studentReference"]["studentUniqueId"],
    }
    moved = datetime.fromisoformat(row["entryDate"]) + timedelta(days=7)
    new = {**old, "entryDate": moved.date().isoformat()}
    version = row[VERSION] + 10**6
    change = {"id": row["id"], "changeVersion": version}
    _add_line(
        staged.folder / f"{name}.keyChanges.ndjson",
        {**change, "oldKeyValues": old, "newKeyValues": new},
    )
    row |= {"entryDate": new["entryDate"], VERSION: version + 1}
    _add_line(staged.folder / f"{name}.ndjson", row)


def _add_line(path: Path, document: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(document) + "\n")


def _ahead(staged: Staged) -> None:
    """Let the agency's clock be two hours ahead in what a manifest says."""
    path = staged.folder / "manifest.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["generated_at"] = _later(told["generated_at"])
    told["window"] = {
        key: _later(value) if isinstance(value, str) else value
        for key, value in told["window"].items()
    }
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _later(moment: str) -> str:
    return (datetime.fromisoformat(moment) + timedelta(hours=2)).isoformat()


def _damages(change: Callable[[Staged], None], *kinds: str) -> dict[str, Effect]:
    return dict.fromkeys(kinds, Effect(damage=change))


def _of_records(change: Callable[[Staged], None], *kinds: str) -> dict[str, Effect]:
    return dict.fromkeys(knowing("key", *kinds), Effect(damage=change))


DELETIONS = {
    **_of_records(_delete_by_code, "sftp"),
    **_of_records(_delete_by_absence, "rest"),
    **_of_records(_delete_by_tombstone, "edfi"),
    **_of_records(_delete_by_bundle, "fhir"),
    **_damages(_delete_by_absence, "complaints", "survey"),
    **_damages(_delete_by_date, "social_services"),
}
FAULTS: tuple[Fault, ...] = (
    fault(
        "F39",
        "yesterday's content under tonight's names",
        _of_records(_under_new_names, "sftp", "rest"),
    ),
    fault(
        "T31", "a resource is listed as deleted", _of_records(_delete_by_bundle, "fhir")
    ),
    fault(
        "R1",
        "the delivery of the night before, again",
        dict.fromkeys(ALL, Effect(spoil=_again)),
    ),
    fault(
        "R2",
        "the delivery of the night before, again and packed otherwise",
        {"sftp": Effect(spoil=_again_packed)},
    ),
    fault("R3", LATE, dict.fromkeys(ALL, Effect(withholds=True)), police_rms="late"),
    fault(
        "R4",
        "the night is withheld and comes after the next",
        dict.fromkeys(ALL, Effect(withholds=True)),
    ),
    fault(
        "R5", "a record of the night before is corrected", _of_records(_correct, *ALL)
    ),
    fault("R6", "a person or thing of the night before is deleted", DELETIONS),
    fault("R7", "the key of an enrolment changes", _damages(_change_key, "edfi")),
    fault(
        "R10", "the agency's clock is two hours ahead", {"sftp": Effect(spoil=_ahead)}
    ),
)
