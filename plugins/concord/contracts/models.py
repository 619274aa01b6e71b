"""Contracts, agreements and release profiles as Concord uses them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from concord.contracts.aggregates import Aggregates
from concord.contracts.cadence import Cadence, checked_cron
from concord.contracts.concept_actions import DROP, OLDEST_AGE
from concord.contracts.concept_actions import ConceptAction as ConceptAction
from concord.contracts.odcs import Classification, LogicalType, Strict
from concord.contracts.risk import KAnonymity, RiskRules
from concord.contracts.victims import VictimRule
from concord.exceptions import ContractError

PUBLIC = "public"
Zone = Literal["vault", "content", "discard"]
IdentityClass = Literal["direct", "quasi", "sensitive", "free_text", "plain"]
Packing = Literal["gzip", "zip"]
Standard = Literal["safe_harbor", "limited_data_set", "ferpa", "counts"]
DeleteMode = Literal[
    "tombstone", "soft_delete_column", "action_code", "snapshot_absence", "none"
]


class Concept(Strict):
    """What a column *is*, whichever agency sends it."""

    name: str
    zone: Zone
    identity: IdentityClass
    description: str


class CodeList(Strict):
    """Codes an agency may send and the code Concord uses for each."""

    name: str
    codes: Mapping[str, str]


class Column(Strict):
    """One column of an agency's table."""

    name: str
    source: str
    type: LogicalType
    required: bool
    unique: bool
    key_position: int
    concept: Concept
    classification: Classification
    description: str
    pattern: str | None
    min_length: int | None
    max_length: int | None
    minimum: float | str | None
    maximum: float | str | None
    references: str | None
    codelist: CodeList | None
    formats: tuple[str, ...]
    century_from: int | None = None
    null_tokens: tuple[str, ...]
    trim: bool
    strip_prefix: tuple[str, ...]
    renamed_from: str | None
    entity: str | None
    namespaces: Mapping[str, str] = {}
    agency_codes: tuple[str, ...] = ()
    one_value: str | None = None

    @property
    def names_a_thing(self) -> bool:
        """Say whether a value is the number of something, rather than a measure."""
        last = self.concept.name.rpartition(".")[2]
        return bool(
            self.key_position > 0
            or self.references
            or self.entity
            or last in ("id", "reference", "ssn")
            or last.endswith("_id")
        )

    @property
    def tells_deletion(self) -> bool:
        """Say whether a value here says that the agency deleted the row."""
        return self.concept.name == "technical.deleted_at"


class DeleteKey(Strict):
    """Where a deletion notice names the key of the row it deletes."""

    path: str
    prefix: str | None = None


class Deletes(Strict):
    """How deletion notices of a table read."""

    records: str
    key: Mapping[str, DeleteKey]


class KeyChange(Strict):
    """Where a notice of a changed key has the old and the new value."""

    old: str
    new: str


class KeyChanges(Strict):
    """How notices of changed keys read; ``order`` is where each says when it came."""

    records: str
    key: Mapping[str, KeyChange]
    order: str


class Age(Strict):
    """An age to derive while identity and event are still together."""

    column: str
    at: str
    description: str


class Table(Strict):
    """One table of a feed."""

    name: str
    source: str
    description: str
    columns: tuple[Column, ...]
    records: str | None
    member: str | None
    each: str | None
    deletes: Deletes | None
    ages: tuple[Age, ...]
    key_changes: KeyChanges | None = None

    @property
    def key(self) -> tuple[Column, ...]:
        """Return the primary key's columns, in order."""
        keys = [column for column in self.columns if column.key_position > 0]
        return tuple(sorted(keys, key=lambda column: column.key_position))

    def with_concept(self, name: str) -> Column | None:
        """Return the first column of a concept, if the table has one."""
        return next((c for c in self.columns if c.concept.name == name), None)

    def column(self, name: str) -> Column:
        """Return a column by name; raises KeyError."""
        return next(c for c in self.columns if c.name == name)

    @property
    def person(self) -> Column | None:
        """Return the column that says whose row this is."""
        return self.with_concept("person.source_id") or self.with_concept(
            "person.reference"
        )

    @property
    def describes_persons(self) -> bool:
        """Say whether a row is a person record rather than an event."""
        return self.with_concept("person.source_id") is not None

    @property
    def has_place(self) -> bool:
        """Say whether rows hold an address of an event."""
        return any(
            c.concept.name.startswith("place.") and c.concept.zone == "vault"
            for c in self.columns
        )


class Drift(Strict):
    """How far a delivery may differ from the feed's own past before a person looks."""

    nights: int = Field(default=28, ge=1)
    min_nights: int = Field(default=5, alias="minNights", ge=2)
    min_rows: int = Field(default=100, alias="minRows", ge=1)
    fewer: float = Field(default=0.4, gt=0, lt=1)
    more: float = Field(default=3, gt=1)


class Delivery(Strict):
    """When and how the agency delivers."""

    mode: Literal["full", "increment"]
    format: Literal["csv", "json", "ndjson"]
    cron: str
    due: str = Field(pattern=r"^\d\d:\d\d$")
    grace_minutes: int = Field(alias="graceMinutes", ge=0)
    grace_days: int = Field(default=0, alias="graceDays", ge=0)
    delete_mode: DeleteMode = Field(alias="deleteMode")
    max_bad_share: float = Field(alias="maxBadShare", gt=0, le=1)
    min_bad_rows: int = Field(default=10, alias="minBadRows", ge=1)
    max_absent_share: float = Field(default=0.05, alias="maxAbsentShare", gt=0, le=1)
    max_unknown_share: float = Field(default=0.2, alias="maxUnknownShare", gt=0, le=1)
    conflicting_rows: Literal["newest", "hold"] = Field(
        default="newest", alias="conflictingRows"
    )
    drift: Drift = Drift()
    packing: Packing | None = None
    max_unpacked_bytes: int = Field(default=50 * 2**30, alias="maxUnpackedBytes", gt=0)
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    empty_allowed: bool | None = Field(default=None, alias="emptyAllowed")
    final_newline: bool = Field(default=True, alias="finalNewline")
    trailer: str | None = None
    stray_quotes: Literal["reject", "text"] = Field(
        default="reject", alias="strayQuotes"
    )
    max_line_bytes: int = Field(default=1 << 20, alias="maxLineBytes", gt=0)

    @property
    def may_be_empty(self) -> bool:
        """Say whether a file may be a header alone: in an increment, if not said."""
        return (
            self.mode == "increment"
            if self.empty_allowed is None
            else self.empty_allowed
        )

    @property
    def cadence(self) -> Cadence:
        """Return the nights on which a delivery is due."""
        return Cadence(self.cron, self.grace_days)

    @field_validator("cron")
    @classmethod
    def _names_nights(cls, cron: str) -> str:
        return checked_cron(cron)

    @field_validator("trailer")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        try:
            groups = 1 if pattern is None else re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        if groups != 1:
            raise ValueError("needs one group, the number of rows")
        return pattern

    @property
    def absence_deletes(self) -> bool:
        """Say whether a row that is missing from a snapshot was deleted."""
        return self.delete_mode == "snapshot_absence"


class Contract(Strict):
    """A feed: what an agency delivers, from where, when, and what each column is."""

    id: str
    name: str
    version: str
    sector: str
    agency: str
    timezone: str
    purpose: str
    limitations: str
    steward: str
    agreement: str
    connection: str
    transport: Mapping[str, Any]
    delivery: Delivery
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        """Return a table by name; raises KeyError."""
        return next(t for t in self.tables if t.name == name)


class Party(Strict):
    """One side of an agreement."""

    name: str
    role: Literal["provider", "recipient", "custodian"]


class Permit(Strict):
    """What a recipient of more than Safe Harbor lets out has agreed to."""

    purpose: Literal[
        "research", "public_health", "health_care_operations", "studies", "audit"
    ]
    recipient: str = Field(min_length=3)
    signed: date
    recipient_may_not: tuple[str, ...] = Field(alias="recipientMayNot")


class Agreement(Strict):
    """The data-sharing agreement that permits feeds."""

    id: str
    title: str
    version: str
    parties: tuple[Party, ...] = Field(min_length=2)
    legal_basis: str = Field(alias="legalBasis")
    purposes: tuple[str, ...] = Field(min_length=1)
    feeds: tuple[str, ...] = Field(min_length=1)
    concepts: tuple[str, ...] = Field(min_length=1)
    start: date
    end: date
    retention_days: int = Field(alias="retentionDays", gt=0)
    minimum_cell: int = Field(alias="minimumCell", ge=5)
    permits: Mapping[Standard, Permit] = {}

    def in_force(self, night: date) -> bool:
        """Say whether the agreement covers a night (both ends included)."""
        return self.start <= night <= self.end


class Approval(Strict):
    """How many people must agree before a release of a profile leaves."""

    reviewers: int = Field(ge=1, le=9)


class ReleaseProfile(Strict):
    """What leaves for one audience, concept by concept; the rest is dropped."""

    id: str
    title: str
    audience: str
    basis: str
    standard: Standard = "safe_harbor"
    nightly: bool = True
    feeds: tuple[str, ...] | None = Field(default=None, min_length=1)
    tables: tuple[str, ...] = Field(min_length=1)
    concepts: Mapping[str, ConceptAction]
    columns: Mapping[str, ConceptAction] = {}
    victims: tuple[str, ...] = ()
    victim_rules: Mapping[str, VictimRule] = {}
    companions: tuple[str, ...] = ()
    k_anonymity: KAnonymity | None = Field(default=None, alias="kAnonymity")
    risk: RiskRules = RiskRules()
    approval: Approval | None = None
    aggregates: Aggregates | None = None

    @property
    def reviewers(self) -> int:
        """Return how many reviewers, none of them the author, must approve.

        What everybody may see has two, whatever its profile says.
        """
        asked = self.approval.reviewers if self.approval else 0
        public = PUBLIC in (self.id, self.audience.lower())
        return max(asked, 2) if public else asked

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "ReleaseProfile":
        if (self.k_anonymity is None) == (self.aggregates is None):
            raise ValueError("needs either kAnonymity (rows) or aggregates (counts)")
        return self

    @property
    def hiding(self) -> KAnonymity:
        """Return how people are hidden among others; a profile of counts has no such.

        Raises:
            ContractError: The profile publishes counts.
        """
        if self.k_anonymity is None:
            raise ContractError(
                f"include/releases/{self.id}.yaml: publishes counts, and no rows of "
                "people are hidden in it. Use its aggregates"
            )
        return self.k_anonymity

    def action_of(self, concept: str, column: str = "") -> ConceptAction:
        """Return what happens to a concept; what is not named is dropped.

        Args:
            concept: The concept's name.
            column: ``feed.table.column``, which may have an action of its own.
        """
        return self.columns.get(column) or self.concepts.get(concept, DROP)

    def takes(self, feed: str) -> bool:
        """Say whether rows of a feed are in the release."""
        return self.feeds is None or feed in self.feeds

    @property
    def oldest(self) -> int | None:
        """Return the age from which ages are one, be they given or derived.

        A limited data set may tell them apart (45 CFR 164.514(e)).
        """
        if self.standard == "limited_data_set":
            return None
        top = self.action_of("person.birth_date").top
        return OLDEST_AGE if top is None else top
