"""One agency as the simulator knows it: its feed, its protocol and its queries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
        with ZipFile(delivery.folder / self.zipped, "w", ZIP_DEFLATED) as zipped:
            for table in self.tables:
                delivery.csv(f"{table}.csv", selects[table])
                member = delivery.folder / f"{table}.csv"
                entry = ZipInfo(member.name, date_time=(1980, 1, 1, 0, 0, 0))
                zipped.writestr(entry, member.read_bytes(), ZIP_DEFLATED)
                member.unlink()


def file_name(feed: str, table: str, night: Night) -> str:
    """Name a table's file in a night folder."""
    return f"{feed}_{table}_{compact(night.date)}T020000Z.csv"
