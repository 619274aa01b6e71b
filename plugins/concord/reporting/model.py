"""What a night's report says: plain values, every one of them fit to be shown.

The page, its JSON and its CSV are three renderings of one ``Page``.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from concord.reporting.assaults import Assaults
from concord.reporting.counts import Count, Value
from concord.reporting.linkage_quality import LinkageQuality
from concord.reporting.mappable import Mappable

Status = Literal["delivered", "on_time", "late", "held", "unrecorded"]
Need = Literal["required", "may be empty", "not sent"]


@dataclass(frozen=True)
class Standing:
    """How one feed stands after the night."""

    feed: str
    name: str
    agency: str
    sector: str
    status: Status
    sentence: str
    data_night: date | None
    carried_nights: int
    since: date | None
    code: str | None
    detail: str | None
    remedy: str | None


@dataclass(frozen=True)
class Arrival:
    """One delivery that landed on the night; its counts are operational and exact."""

    feed: str
    agency: str
    night: date
    state: str
    source_kind: str
    files: int
    bytes: int
    rows: int
    contract_version: str
    agreement: str
    agreement_version: str
    agreement_end: date | None
    landed_at: datetime


@dataclass(frozen=True)
class Waiting:
    """A delivery of an earlier night that is still held and waits for a decision."""

    feed: str
    agency: str
    night: date
    landed_on: date
    rows: int
    code: str | None


@dataclass(frozen=True)
class Fate:
    """What became of the rows of one table of a delivery; exact, but for deletions."""

    feed: str
    night: date
    state: str
    table: str
    received: int
    published: int
    quarantined: int
    rejected: int
    superseded: int
    deleted: Count
    reconciles: bool


@dataclass(frozen=True)
class RuleLine:
    """How often one rule was broken in what arrived on the night."""

    feed: str
    table: str
    rule: str
    columns: str
    why: str
    severity: str
    about_table: bool
    checked: Count
    broken: Count
    share_broken: Value
    validity: Value

    @property
    def is_broken(self) -> bool:
        """Say whether anything broke the rule."""
        return self.broken != 0


@dataclass(frozen=True)
class ColumnLine:
    """How complete one column is in the data in force."""

    table: str
    column: str
    need: Need
    rows: Count
    present: Count
    share: Value
    complete: bool


@dataclass(frozen=True)
class FeedQuality:
    """Completeness and validity of one feed."""

    feed: str
    agency: str
    data_night: date | None
    columns: tuple[ColumnLine, ...]
    rules: tuple[RuleLine, ...]

    @property
    def sent(self) -> tuple[ColumnLine, ...]:
        """Return the columns that the agency sends, by its contract."""
        return tuple(c for c in self.columns if c.need != "not sent")

    @property
    def gaps(self) -> tuple[ColumnLine, ...]:
        """Return the columns that are sent, but not filled in for every row."""
        return tuple(column for column in self.sent if not column.complete)

    @property
    def broken(self) -> tuple[RuleLine, ...]:
        """Return the rules that something broke."""
        return tuple(rule for rule in self.rules if rule.is_broken)


@dataclass(frozen=True)
class HealingLine:
    """What became of the rows of one table that waited in quarantine; exact."""

    feed: str
    table: str
    before: int
    added: int
    corrected: int
    released: int
    overridden: int
    left: int
    waiting: int


@dataclass(frozen=True)
class RateOfNight:
    """The rate of a check between agencies on one night."""

    night: date
    share: Value


@dataclass(frozen=True)
class Between:
    """A check between two agencies: its newest result and the nights before."""

    name: str
    title: str
    why: str
    feeds: tuple[str, str]
    night: date
    matched: Count
    compared: Count
    share: Value
    expected: float
    rates: tuple[RateOfNight, ...]


@dataclass(frozen=True)
class RecordsOfFeed:
    """How many person records of a feed were linked."""

    feed: str
    records: Count


@dataclass(frozen=True)
class SetAside:
    """How many values of one kind stand for no value and are not compared."""

    kind: str
    values: Count


@dataclass(frozen=True)
class PairsOfBand:
    """How many pairs of records were judged alike."""

    band: str
    pairs: Count


@dataclass(frozen=True)
class Linkage:
    """The linkage in force: who is one person, in counts."""

    night: date
    tonight: bool
    model_version: str
    records: Count
    persons: Count
    links: Count
    by_feed: tuple[RecordsOfFeed, ...]
    pairs: tuple[PairsOfBand, ...]
    largest_cluster: Count | None
    ids_kept: Count | None
    ids_created: Count | None
    ids_merged: Count | None
    ids_split: Count | None
    ids_retired: Count | None
    ids_restored: Count | None
    precision: Value | None
    recall: Value | None
    set_aside: tuple[SetAside, ...] = ()
    control_differing: Count | None = None
    churn: Value | None = None
    possible: Count | None = None
    decisions: Count | None = None


@dataclass(frozen=True)
class ReleasedTable:
    """How many rows of a table a release holds, and its predecessor held."""

    table: str
    rows: Count
    before: Count | None


@dataclass(frozen=True)
class ReleaseInput:
    """Which data of a feed went into a release."""

    feed: str
    agency: str
    night: str
    carried: bool
    contract_version: str
    rows: Count | None


@dataclass(frozen=True)
class Release:
    """The newest release of one profile."""

    profile: str
    title: str
    audience: str
    number: int
    night: date
    tonight: bool
    tables: tuple[ReleasedTable, ...]
    k_required: int | None
    k_before: Count | None
    k_after: Count | None
    records: Count | None
    touched: Count | None
    suppressed_share: Value | None
    suppressed_limit: float | None
    scan_identifiers: Count | None
    scan_findings: int | None
    inputs: tuple[ReleaseInput, ...]

    @property
    def label(self) -> str:
        """Return the release's number as its folder is named."""
        return f"r{self.number:06d}"


@dataclass(frozen=True)
class Change:
    """Something that was different the night before."""

    about: str
    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Facts:
    """Everything that one night's report says of the night itself."""

    night: date
    standings: tuple[Standing, ...]
    arrivals: tuple[Arrival, ...]
    waiting: tuple[Waiting, ...]
    fates: tuple[Fate, ...]
    quality: tuple[FeedQuality, ...]
    linkage: Linkage | None
    releases: tuple[Release, ...]
    healing: tuple[HealingLine, ...] = ()
    between: tuple[Between, ...] = ()
    linkage_quality: LinkageQuality | None = None
    places: tuple[Mappable, ...] = ()
    assaults: Assaults | None = None

    @property
    def holds(self) -> tuple[Standing, ...]:
        """Return the feeds that need somebody: late, held, unrecorded or in trouble."""
        return tuple(
            s
            for s in self.standings
            if s.status not in ("delivered", "on_time") or s.code
        )

    @property
    def all_of_this_night(self) -> bool:
        """Say whether every feed's data are of this night."""
        return all(s.data_night == self.night for s in self.standings)

    @property
    def broken_rules(self) -> tuple[RuleLine, ...]:
        """Return the broken rules, those that quarantine rows first."""
        broken = [rule for quality in self.quality for rule in quality.broken]
        return tuple(sorted(broken, key=lambda rule: rule.severity != "critical"))


@dataclass(frozen=True)
class Page:
    """A night's report as it is written."""

    county: str
    generated_at: datetime
    previous: date | None
    headline: str
    facts: Facts
    feed_totals: tuple[Fate, ...]
    fate_total: Fate
    changes: tuple[Change, ...]
