"""A contract of one table, made in a test, and files of it loaded as deliveries are."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from concord.contracts.models import Column, Concept, Contract, Delivery, Table
from concord.parsing.loading import Loaded, load

PLAIN = Concept(
    name="event.code", zone="content", identity="plain", description="A plain value."
)
NUMBER = Concept(
    name="event.id", zone="content", identity="plain", description="A thing's number."
)


def column(name: str, **changes: Any) -> Column:
    """Make an optional text column of a plain concept, with changes."""
    return Column(
        **{
            "name": name,
            "source": name,
            "type": "string",
            "required": False,
            "unique": False,
            "key_position": 0,
            "concept": PLAIN,
            "classification": "internal",
            "description": "A column of a test.",
            "pattern": None,
            "min_length": None,
            "max_length": None,
            "minimum": None,
            "maximum": None,
            "references": None,
            "codelist": None,
            "formats": ("%Y-%m-%d",),
            "null_tokens": ("",),
            "trim": True,
            "strip_prefix": (),
            "renamed_from": None,
            "entity": None,
            **changes,
        }
    )


def columns(names: Iterable[str]) -> tuple[Column, ...]:
    """Make text columns called ``c0``, ``c1``, … for headers of any kind."""
    return tuple(column(f"c{n}", source=name) for n, name in enumerate(names))


def contract(table: Mapping[str, Any], **delivery: Any) -> Contract:
    """Make a contract of one table."""
    form = Delivery.model_validate(
        {
            "mode": "full",
            "format": "csv",
            "cron": "0 3 * * *",
            "due": "03:00",
            "graceMinutes": 60,
            "deleteMode": "none",
            "maxBadShare": 0.05,
            **delivery,
        }
    )
    made = Table(
        **{
            "name": "row",
            "source": "row",
            "description": "A table of a test.",
            "records": None,
            "member": None,
            "each": None,
            "deletes": None,
            "ages": (),
            **table,
        }
    )
    return Contract(
        id="a_feed",
        name="A feed",
        version="1.0.0",
        sector="test",
        agency="An agency",
        timezone="America/New_York",
        purpose="Tests.",
        limitations="None.",
        steward="steward@agency.example",
        agreement="test-2026",
        connection="a_feed",
        transport={},
        delivery=form,
        tables=(made,),
    )


class Reader:
    """Loads files of a contract's only table, as the check of a delivery does."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con = con
        self.folder = folder
        self.files = 0

    def write(self, data: bytes, suffix: str) -> Path:
        """Put bytes into a file of our own name."""
        self.files += 1
        path = self.folder / f"{self.files:06d}{suffix}"
        path.write_bytes(data)
        return path

    def load(self, feed: Contract, *data: bytes) -> Loaded:
        """Load one file after the other."""
        suffix = f".{feed.delivery.format}"
        paths = [self.write(each, suffix) for each in data]
        return load(self.con, feed, feed.tables[0], paths)

    def rows(self, loaded: Loaded) -> list[tuple[Any, ...]]:
        """Return the rows that have a valid form, in their order."""
        return self.con.execute(
            f"SELECT * EXCLUDE (_row, _rejected) FROM {loaded.relation} "
            "WHERE NOT _rejected ORDER BY _row"
        ).fetchall()
