"""What waits in a feed's quarantine: counts for us, rows for the agency's steward."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from concord.contracts.models import Contract, Table
from concord.exceptions import ConcordError
from concord.landing.records import FeedState
from concord.pipeline.county import County
from concord.reporting.reasons import Reasons
from concord.validation.overriding import RowNames
from concord.validation.quarantine import ZONE, Quarantine
from concord.zones import write_bytes

OWNER_ONLY = 0o600
HEAD = ("table", "row", "held_since", "rules", "why", "can_be_let_through")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class WaitingRule:
    """How many rows of a table wait because of one rule."""

    table: str
    rule: str
    why: str
    rows: int
    since: date


@dataclass(frozen=True)
class Waiting:
    """What waits in a feed's quarantine as of a night."""

    night: date
    rows: int
    lines: tuple[WaitingRule, ...]


def waiting_by_rule(county: County, feed: str, night: date | None) -> Waiting:
    """Count what waits in a feed's quarantine as of a night, the newest if None."""
    state, stored = _stored(county, feed, night)
    reasons = Reasons(county.settings, county.registry)
    found: Counter[tuple[str, str]] = Counter()
    since: dict[tuple[str, str], date] = {}
    for table, rows in stored.items():
        for row in rows:
            for rule in row["rules"]:
                key = table, rule
                found[key] += 1
                since[key] = min(since.get(key, date.max), row["_since"])
    lines = (
        WaitingRule(*key, reasons.why(feed, *key), rows, since[key])
        for key, rows in sorted(found.items())
    )
    return Waiting(state.night, sum(map(len, stored.values())), tuple(lines))


def return_rows(county: County, feed: str, night: date | None, to: Path) -> int:
    """Write a feed's rows in quarantine as CSV for its steward; returns how many.

    Raises:
        ConcordError: The file would lie in a zone, or there is no folder for it.
    """
    refuse_place(county, to)
    state, stored = _stored(county, feed, night)
    contract = county.registry.contract(feed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    columns = list(dict.fromkeys(c.name for t in contract.tables for c in t.columns))
    writer.writerow([*HEAD, *columns])
    names = RowNames(feed, county.keys.zone_key(ZONE))
    reasons = Reasons(county.settings, county.registry)
    written = 0
    for table in contract.tables:
        for row in stored.get(table.name, ()):
            notes = _notes(contract, table, row, names, reasons)
            cells = [*notes, *(row.get(name) for name in columns)]
            writer.writerow([harmless(cell) for cell in cells])
            written += 1
    write_bytes(to, text.getvalue().encode("utf-8-sig"), OWNER_ONLY)
    county.ledger.record_event("rows_returned", state.night, feed, rows=written)
    return written


def _notes(
    contract: Contract,
    table: Table,
    row: dict[str, Any],
    names: RowNames,
    reasons: Reasons,
) -> Iterator[Any]:
    """Yield what Concord says of a row, in the order of ``HEAD``."""
    yield table.name
    yield names.name(table.name, [row[c.name] for c in table.key])
    yield row["_since"]
    yield "; ".join(row["rules"])
    yield " ".join(reasons.why(contract.id, table.name, rule) for rule in row["rules"])
    yield "no" if row["_rejected"] else "yes"


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA):
        return f"'{cell}"
    return cell


def refuse_place(county: County, to: Path) -> None:
    """Refuse a file of persons' data that would lie in a zone, or nowhere."""
    folder = to.parent.resolve()
    if not folder.is_dir():
        raise ConcordError(f"{to}: there is no folder {folder}. Make it first")
    if to.is_dir():
        raise ConcordError(f"{to}: is a folder. Name the file to write")
    home = county.zones.home.resolve()
    if folder.is_relative_to(home):
        raise ConcordError(
            f"{to}: lies in Concord's data root {home}, where others may read it or "
            "take it for a release. Name a file outside"
        )


def _stored(
    county: County, feed: str, night: date | None
) -> tuple[FeedState, dict[str, list[dict[str, Any]]]]:
    """Return a feed's state as of a night, and the rows that wait, by table."""
    county.registry.contract(feed)
    state = county.ledger.state_as_of(feed, night or date.max)
    if state is None:
        raise ConcordError(f"'{feed}' has never been checked up to {night or 'now'}")
    tables = Quarantine(county.zones, county.keys, feed).read(state.state_id)
    return state, {name: table.to_pylist() for name, table in tables.items()}
