"""What the ledger holds, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

FeedStatus = Literal["checked", "held", "late", "on_time"]


@dataclass(frozen=True)
class Delivery:
    """What arrived for one feed on one night."""

    id: str
    feed: str
    night: date
    landed_on: date
    state: Literal["landed", "checked", "held", "superseded"]
    source: str
    cursor: str
    folder: str
    files: int
    bytes: int
    rows: int
    contract_version: str
    agreement: str
    agreement_version: str
    landed_at: datetime


@dataclass(frozen=True)
class TableCount:
    """What became of the rows that a delivery held for one table."""

    table_name: str
    received: int
    published: int
    quarantined: int
    rejected: int
    superseded: int
    deleted: int = 0

    @property
    def reconciles(self) -> bool:
        """Say whether every received row is accounted for."""
        return self.received == (
            self.published + self.quarantined + self.rejected + self.superseded
        )


@dataclass(frozen=True)
class RuleCount:
    """How many rows broke one rule."""

    table_name: str
    rule: str
    severity: str
    columns: str
    elements: int
    missing: int
    unexpected: int


@dataclass(frozen=True)
class ColumnCount:
    """How complete one column is in a feed's state."""

    table_name: str
    column_name: str
    rows: int
    present: int


@dataclass(frozen=True)
class FeedNight:
    """How one feed stood after one night."""

    feed: str
    night: date
    status: FeedStatus
    state_id: str | None
    code: str | None
    detail: str | None
    remedy: str | None
    at: datetime


@dataclass(frozen=True)
class FeedState:
    """The last good data of a feed as of a night."""

    feed: str
    night: date
    state_id: str
    carried: bool


@dataclass(frozen=True)
class LinkageRun:
    """One night's linkage."""

    night: date
    persons_id: str
    records: int
    persons: int
    model_version: str
    inputs: Mapping[str, Any]
    measures: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class ReleaseRecord:
    """One release of one profile."""

    profile: str
    number: int
    night: date
    digest: str
    persons_id: str
    rows: Mapping[str, int]
    inputs: tuple[Mapping[str, Any], ...]
    risk: Mapping[str, Any]
    at: datetime


def now() -> datetime:
    """Return the time at which an event is recorded."""
    return datetime.now(UTC)
