"""One agency as the simulator knows it: its feed, its protocol and its queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from simulator.rosters import Night
from simulator.serving import Delivery, compact


@dataclass(frozen=True)
class Agency:
    """An agency: a feed's name, how it serves, and one query a table.

    ``full`` says that every night brings everything. ``persons`` is a query of
    (source_id, person, existing) for the truth; an agency without persons has none.
    ``zipped`` is the name of the zip in which an SFTP agency sends all tables together.
    """

    feed: str
    kind: Literal["sftp", "rest"]
    tables: tuple[str, ...]
    selects: Callable[[Delivery], Mapping[str, str]]
    full: bool = True
    persons: str | None = None
    zipped: str | None = None

    def write(self, delivery: Delivery) -> None:
        """Write what the agency serves on a night."""
        selects = self.selects(delivery)
        if self.zipped is not None:
            self._write_zip(delivery, selects)
            return
        for table in self.tables:
            select = selects[table]
            if self.kind == "sftp":
                delivery.csv(file_name(self.feed, table, delivery.night), select)
            else:
                delivery.ndjson(f"{table}.ndjson", select)

    def _write_zip(self, delivery: Delivery, selects: Mapping[str, str]) -> None:
        """Write one zip of ``<Table>.csv``, the same bytes for the same rows."""
        assert self.zipped is not None
        members = [f"{table}.csv" for table in self.tables]
        for name, table in zip(members, self.tables, strict=True):
            delivery.csv(name, selects[table])
        pack(delivery.folder / self.zipped, members)


def pack(path: Path, members: Sequence[str], method: int = ZIP_DEFLATED) -> None:
    """Move files into a zip beside them, the same bytes for the same content."""
    with ZipFile(path, "w", method) as zipped:
        for name in members:
            member = path.with_name(name)
            entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            zipped.writestr(entry, member.read_bytes(), method)
            member.unlink()


def unpack(path: Path, folder: Path) -> list[str]:
    """Put a zip's files into a folder; returns their names, in order."""
    with ZipFile(path) as zipped:
        zipped.extractall(folder)
        return zipped.namelist()


def file_name(feed: str, table: str, night: Night) -> str:
    """Name a table's file in a night folder."""
    return f"{feed}_{table}_{compact(night.date)}T020000Z.csv"
