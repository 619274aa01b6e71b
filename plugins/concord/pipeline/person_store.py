"""What the vault keeps of linkages: person ids, history, events, the review queue."""

from datetime import date
from pathlib import Path

import pyarrow as pa
from pydantic import TypeAdapter

from concord.exceptions import IntegrityError, LinkageError
from concord.landing.records import LinkageRun
from concord.linkage.history import former_ids
from concord.pipeline.county import County
from concord.sealing import read_table, write_table

PERSONS = "persons"
RUN = "run.json"
RUNS = TypeAdapter(LinkageRun)


class PersonStore:
    """The folder ``vault/persons``: one folder a linkage."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.folder = county.zones.vault / PERSONS
        self.key = county.keys.zone_key("vault")

    def newest(self, night: date = date.max) -> LinkageRun:
        """Return the newest linkage up to a night; LinkageError if there is none."""
        run = self.county.ledger.linkage_as_of(night)
        if run is None:
            raise LinkageError(
                "NOT_LINKED",
                "no night has been linked yet",
                "Run link_persons for a night first",
            )
        return run

    def write(self, folder: Path, run: str, name: str, table: pa.Table) -> None:
        """Write a table of a linkage whose folder is being filled."""
        write_table(table, folder / f"{name}.parquet", self.key, place=run)

    def read(self, run: LinkageRun, name: str) -> pa.Table:
        """Read a table of a linkage."""
        return read_table(self.folder / run.persons_id / f"{name}.parquet", self.key)

    def read_if_any(self, run: LinkageRun | None, name: str) -> pa.Table | None:
        """Read a table of a linkage; nothing where there was no linkage yet."""
        return None if run is None else self.read(run, name)

    def known(self, run: LinkageRun) -> pa.Table:
        """Return the last person id of every record that is, or was, there."""
        columns = ["record_key", "person_id"]
        tables = [self.read(run, name) for name in ("assignments", "retired")]
        return pa.concat_tables([table.select(columns) for table in tables])

    def former(self, run: LinkageRun) -> pa.Table:
        """Return the ids under which records stood before the one they have."""
        return former_ids(self.known(run), self.read(run, "history"))


def read_run(folder: Path) -> LinkageRun:
    """Read what the vault keeps of a linkage; raises IntegrityError if it is gone."""
    try:
        return RUNS.validate_json((folder / RUN).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise IntegrityError(
            f"persons/{folder.name}: the linkage's description is missing or "
            f"unreadable ({type(error).__name__})"
        ) from None
