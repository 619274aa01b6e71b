"""Which figures are out: the memory of a profile of aggregates is its releases.

Each release has all periods that were ever counted, so the newest one is enough to go
on from, and all of them are asked whether a figure has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from concord.exceptions import IntegrityError
from concord.publication.layout import (
    CANDIDATES,
    CREATION,
    release_folders,
    release_name,
    release_number,
)
from concord.publication.manifest import read_manifest
from concord.publication.verify import TAKEN_BACK, verify


@dataclass(frozen=True)
class FiguresOut:
    """The figures of one release, and how each period of each table was made."""

    release: str
    tables: Mapping[str, pa.Table]
    made: tuple[Mapping[str, Any], ...]
    periods: tuple[date, ...]

    def how(self, table: str, period: date) -> Mapping[str, Any] | None:
        """Return how a table's figures of a period were made; None if it has none."""
        return next(
            (
                fact
                for fact in self.made
                if (fact["table"], fact["period"]) == (table, period.isoformat())
            ),
            None,
        )


def figures_out(releases: Path, profile: str) -> tuple[FiguresOut, ...]:
    """Return the figures of every release of a profile, oldest first.

    Raises:
        IntegrityError: The newest release is gone, or one is not what was published:
            what is out would be forgotten and could be published again, differently.
    """
    folders = release_folders(releases / profile)
    newest = max((number for number, _ in folders), default=0)
    waiting = {number for number, _ in release_folders(releases / profile / CANDIDATES)}
    recorded = {
        release_number(path.stem) or 0
        for path in (releases / profile / CREATION).glob("*.jsonl")
    } - waiting
    if max(recorded, default=0) > newest:
        raise IntegrityError(
            f"{profile}/{release_name(max(recorded))}: is gone, and with it what is "
            "out. Restore it from backup before anything is published"
        )
    return tuple(_read(path) for _, path in folders)


def _read(path: Path) -> FiguresOut:
    # What was withdrawn had been seen, so its figures stay out.
    problems = [p for p in verify(path).problems if p.problem != TAKEN_BACK]
    if problems:
        verify(path).require()
    manifest = read_manifest(path)
    (found,) = manifest["risks"]
    return FiguresOut(
        release=path.name,
        tables={name: pq.read_table(path / name) for name in manifest["tables"]},
        made=tuple(found["counts"]),
        periods=tuple(date.fromisoformat(first) for first in found["periods"]),
    )
