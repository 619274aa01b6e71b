"""The files with which a new feed begins: everything that must be decided is REVIEW.

Nothing is guessed into a contract: a sample's header gives the names, its values only a
comment on what they look like. Until the last REVIEW is gone the contract is refused.
"""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from concord.contracts.yaml_lines import Document
from concord.duck import literal
from concord.exceptions import ConfigError
from concord.settings import Settings

REVIEW = "REVIEW"
KINDS = {
    "BIGINT": "integer",
    "DOUBLE": "number",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "BOOLEAN": "boolean",
    "VARCHAR": "string",
}
MARK = re.compile(rf"\b{REVIEW}\b")


@dataclass(frozen=True)
class Seen:
    """A column of a sample: its header and what its values look like."""

    header: str
    name: str
    looks: str


def files_of(settings: Settings, feed: str) -> dict[str, Path]:
    """Return where a feed's own files stand; of its suites the folder."""
    return {
        "contract": settings.include / "contracts" / f"{feed}.odcs.yaml",
        "agreement": settings.include / "agreements" / f"{feed}.yaml",
        "suites": settings.expectations / feed,
    }


def scaffold(
    settings: Settings, feed: str, samples: Sequence[Path], today: date
) -> list[Path]:
    """Write a feed's contract, agreement and suites; returns the files written.

    Args:
        settings: Where the project's files are.
        feed: The feed's name.
        samples: One CSV file a table; the file's name is the table's. None: one table.
        today: The first day of the agreement.

    Raises:
        ConfigError: The name can't be a feed's, a file exists, or no header is read.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", feed):
        raise ConfigError(
            f"'{feed}' can't be a feed's name. Use lower-case letters, digits and _"
        )
    tables = {_name(path.stem): look(path) for path in samples}
    if len(tables) < len(samples):
        raise ConfigError("two samples would be one table. Rename a file")
    tables = tables or {"event": (Seen("id", "id", "string"),)}
    places = files_of(settings, feed)
    texts = {
        places["contract"]: _contract(feed, tables),
        places["agreement"]: _agreement(feed, today),
    }
    for table in tables:
        suite = {"name": f"{feed}.{table}", "expectations": [], "meta": {}}
        texts[places["suites"] / f"{table}.json"] = json.dumps(suite, indent=2) + "\n"
    for path in texts:
        if path.exists():
            raise ConfigError(f"{path}: exists already, and nothing is overwritten")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def open_marks(settings: Settings, feed: str) -> list[str]:
    """List the lines of a feed's contract and agreement that are still to decide."""
    contract = files_of(settings, feed)["contract"]
    custom = Document(contract).data.get("customProperties", ())
    named = {item.get("property"): item.get("value") for item in custom}
    agreement = contract.parents[1] / "agreements" / f"{named.get('agreement')}.yaml"
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in (contract, agreement)
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if not line.startswith("#") and MARK.search(line.split(" # ")[0])
    ]


def look(path: Path) -> tuple[Seen, ...]:
    """Read a sample's header, and what each column's values look like."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read ({type(error).__name__})") from None
    names = [_name(text) for text in header]
    if not header or len(set(names)) < len(names):
        raise ConfigError(f"{path}: the header is empty or names a column twice")
    kinds = _kinds(path, len(header))
    return tuple(
        Seen(text, name, kind)
        for text, name, kind in zip(header, names, kinds, strict=True)
    )


def _kinds(path: Path, columns: int) -> list[str]:
    """Ask DuckDB what the values look like; ``string`` wherever it is in doubt."""
    query = f"DESCRIBE FROM read_csv({literal(str(path))}, header=true, delim=',')"
    try:
        described = duckdb.connect().execute(query).fetchall()
    except duckdb.Error:
        return ["string"] * columns
    kinds = [KINDS.get(kind, "string") for _, kind, *_ in described]
    return kinds if len(kinds) == columns else ["string"] * columns


def _name(text: str) -> str:
    """Make a column's or table's name of a header: ``Booking No`` is booking_no."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    return name if name[:1].isalpha() else f"column_{name}".rstrip("_")


def _contract(feed: str, tables: dict[str, tuple[Seen, ...]]) -> str:
    transport = {"kind": "sftp", "path": "/", "tables": list(tables)}
    delivery = {
        "mode": "full",
        "format": "csv",
        "cron": "0 3 * * *",
        "due": "03:00",
        "graceMinutes": 120,
        "deleteMode": "snapshot_absence",
        "maxBadShare": 0.05,
    }
    head = f"""\
# Decide every {REVIEW}; `concord feed check {feed}` says what is left.
# Format: docs/reference/contracts.md
apiVersion: v3.1.0
kind: DataContract
id: {feed}
name: "{REVIEW}: the feed's name for people"
version: 1.0.0
status: draft
domain: {REVIEW}
description:
  purpose: "{REVIEW}"
  usage: "{REVIEW}"
  limitations: "{REVIEW}: what the data do not show"
team:
  name: "{REVIEW}"
  members: [{{username: {REVIEW}, role: steward}}]
customProperties:
  - {{property: sector, value: {REVIEW}}}
  - {{property: agency, value: "{REVIEW}"}}
  - {{property: timezone, value: America/Chicago}}
  - {{property: agreement, value: {feed}}}
  - {{property: connection, value: {feed}}}
  - {{property: transport, value: {json.dumps(transport)}}}
  - {{property: delivery, value: {json.dumps(delivery)}}}
  - {{property: nullTokens, value: [""]}}
  - {{property: datetimeFormats, value: ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]}}
schema:
"""
    return head + "".join(_table(name, seen) for name, seen in tables.items())


def _table(name: str, columns: Sequence[Seen]) -> str:
    text = f"""\
  - name: {name}
    physicalName: {name}
    logicalType: object
    description: "{REVIEW}: what one row is."
    properties:
      # Mark the key: primaryKey: true, primaryKeyPosition: 1
"""
    return text + "".join(_column(column) for column in columns)


def _column(column: Seen) -> str:
    hint = "" if column.looks == "string" else f"  # looks like {column.looks}"
    return f"""\
      - name: {column.name}
        physicalName: {json.dumps(column.header)}
        logicalType: string{hint}
        classification: restricted
        description: "{REVIEW}: what the column is."
        customProperties:
          - {{property: concept, value: {REVIEW}}}
"""


def _agreement(feed: str, today: date) -> str:
    return f"""\
# From the signed agreement alone. Format: docs/reference/agreements.md
id: {feed}
title: "{REVIEW}"
version: "1"
parties:
  - {{name: "{REVIEW}", role: provider}}
  - {{name: "{REVIEW}", role: recipient}}
legalBasis: "{REVIEW}"
purposes: ["{REVIEW}"]
feeds: [{feed}]
concepts: [{REVIEW}]
start: {today}
end: {today.replace(year=today.year + 1, day=min(today.day, 28))}
retentionDays: 365
minimumCell: 11
"""
