"""A ledger of three nights: all well; one late and one held; both caught up."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from concord.contracts.registry import Registry, load_registry
from concord.landing.ledger import Ledger
from concord.landing.records import (
    ColumnCount,
    Delivery,
    LinkageRun,
    ReleaseRecord,
    RuleCount,
    TableCount,
)
from concord.reporting.site import write_report
from concord.settings import Settings
from concord.zones import Zones

FIRST, SECOND, THIRD = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
NIGHTS = (FIRST, SECOND, THIRD)
GENERATED = datetime(2026, 1, 8, 11, 0, tzinfo=UTC)
HOSTILE = (
    '<script>alert("x")</script> & {{ 7 * 7 }} <img src=https://evil.example/a.png>'
)

# What each feed delivers on its first night: table, received, quarantined, superseded.
FIRST_NIGHT = {
    "police_rms": [
        ("person", 12480, 3, 12), ("incident", 9310, 41, 0), ("offense", 11020, 0, 0),
        ("involvement", 20115, 0, 4), ("arrest", 3204, 6, 0),
    ],
    "probation": [
        ("person", 2105, 0, 0), ("supervision_period", 2790, 4, 0),
        ("violation", 940, 0, 0),
    ],
    "school": [
        ("student", 8420, 0, 0), ("student_demographics", 8420, 0, 0),
        ("enrollment", 8611, 19, 0), ("attendance_event", 40210, 0, 0),
    ],
    "hospital": [("patient", 6030, 0, 0), ("encounter", 9127, 22, 0)],
}  # fmt: skip
LATER_NIGHT = {
    feed: [(table, max(8, rows // 60), bad // 20, 0) for table, rows, bad, _ in tables]
    for feed, tables in FIRST_NIGHT.items()
}
COLUMNS = {
    "police_rms": [
        ("person record", "last_name", 12465, 12465),
        ("person record", "ssn", 12465, 7340),
        ("person record", "birth_date", 12465, 12462),
        ("person record", "middle_name", 12465, 5110),
        ("person record", "race", 12465, 12108),
        ("incident", "occurred_at", 9269, 9269),
        ("incident", "case_number", 9269, 9258),
        ("incident", "clearance_date", 9269, 310),
        ("arrest", "arrest_date", 3198, 3198),
        ("arrest", "disposition_under_18", 3198, 4),
    ],
    "probation": [
        ("person record", "last_name", 2105, 2105),
        ("person record", "email", 2105, 1490),
        ("supervision_period", "end_date", 2786, 1320),
    ],
    "school": [
        ("person record", "first_name", 8420, 8420),
        ("person record", "ssn", 8420, 0),
        ("attendance_event", "event_duration", 40210, 31200),
    ],
    "hospital": [
        ("person record", "ssn", 6030, 3871),
        ("encounter", "discharge_disposition", 9105, 4400),
    ],
}
RULES = {
    "police_rms": [
        ("person", "required:last_name", "critical", "last_name", 12480, 0, 3),
        ("person", "pattern:ssn", "warning", "ssn", 12480, 5100, 38),
        ("person", "birth-date-plausible", "warning", "birth_date", 12480, 3, 112),
        ("incident", "reported-after-occurred", "critical", "occurred_at", 9310, 0, 41),
        ("incident", "code:location_code", "warning", "location_code", 9310, 900, 17),
        ("arrest", "type:arrest_date", "critical", "arrest_date", 3204, 0, 6),
        ("arrest", "code:arrest_type", "critical", "arrest_type", 3204, 0, 0),
    ],
    "probation": [
        ("person", "not-empty", "critical", "", 1, 0, 0),
        (
            "supervision_period", "end-after-start", "critical", "end_date",
            2790, 1400, 4,
        ),
    ],
    "school": [
        ("enrollment", "exit-after-entry", "critical", "exit_date", 8611, 7000, 19),
    ],
    "hospital": [
        ("encounter", "departure-after-arrival", "critical", "ended_at", 9127, 2, 22),
        ("condition", "reference:encounter_id", "critical", "encounter_id", 20, 0, 9),
    ],
}  # fmt: skip


FEEDS = ("hospital", "police_rms", "probation", "school")


@dataclass
class County:
    """A ledger on disk and everything a report is written from."""

    home: Path
    settings: Settings = field(init=False)
    zones: Zones = field(init=False)
    ledger: Ledger = field(init=False)
    registry: Registry = field(init=False)
    written_at: datetime = GENERATED

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home)
        self.zones = Zones(self.home)
        self.zones.prepare()
        self.ledger = Ledger(self.settings.ledger)
        registry = load_registry(self.settings)
        contracts = {f: c for f, c in registry.contracts.items() if f in FEEDS}
        self.registry = replace(registry, contracts=contracts)

    def deliver(
        self,
        feed: str,
        night: date,
        *,
        landed_on: date | None = None,
        held: bool = False,
    ) -> None:
        """Land one delivery and check it, or hold it with all its rows."""
        contract = self.registry.contract(feed)
        tables = (FIRST_NIGHT if night == FIRST else LATER_NIGHT)[feed]
        agreement = self.registry.agreement_of(contract)
        name = f"{feed}:{night}:0123456789abcdef"
        rows = sum(received for _, received, *_ in tables)
        landed = landed_on or night
        self.ledger.record_delivery(
            Delivery(
                name, feed, night, landed, "landed", f"source of {feed}", "cursor",
                "folder", len(tables), rows * 190, rows, contract.version, agreement.id,
                agreement.version,
                datetime(landed.year, landed.month, landed.day, 9, 12, tzinfo=UTC),
            )
        )  # fmt: skip
        counts = [
            TableCount(table, n, 0, n, 0, 0)
            if held
            else TableCount(table, n, n - bad - old, bad, 0, old)
            for table, n, bad, old in tables
        ]
        rules = [RuleCount(*rule) for rule in RULES[feed]] if night == FIRST else []
        state = "held" if held else "checked"
        self.ledger.record_outcome(name, state, counts, rules)

    def accept(self, feed: str, night: date) -> None:
        """Record that a feed's data of a night are in force."""
        state = f"{night}-0123456789ab"
        self.ledger.record_columns(
            feed, state, [ColumnCount(*column) for column in COLUMNS[feed]]
        )
        self.ledger.record_feed_night(feed, night, "checked", state_id=state)

    def link(self, night: date, records: int, persons: int, created: int) -> None:
        """Record a night's linkage."""
        measures = {
            "records_by_feed": {
                "police_rms": 12465, "probation": 2105,
                "school": 8420, "hospital": 6030,
            },
            "pairs": {"link": 10412, "review": 233, "refused: given names": 4},
            "largest_cluster": 9,
            "scoring": {"differing": 0},
            "seconds": {"predict": 3.2},
            "events": {
                "created": created, "merged": 3, "split": 0,
                "retired": 8, "restored": 1,
            },
        }  # fmt: skip
        run = LinkageRun(
            night,
            f"{night}-persons",
            records,
            persons,
            "2026.1",
            {},
            measures,
            GENERATED,
        )
        self.ledger.record_linkage(run)

    def release(self, number: int, night: date, carried: tuple[str, ...] = ()) -> None:
        """Record a release."""
        inputs = tuple(
            {
                "feed": c.id, "agency": c.agency, "sector": c.sector,
                "night": str(FIRST if c.id in carried else night),
                "carried": c.id in carried, "state_id": f"{night}-0123456789ab",
                "contract_version": c.version, "rows": 30000,
            }
            for c in self.registry.contracts.values()
        )  # fmt: skip
        risk = {
            "k_before": 1, "k_after": 11, "records": 21384, "touched": 1902,
            "suppressed_share": 0.0123,
            "scan": {"identifiers": 184233, "findings": 0},
        }  # fmt: skip
        rows = {"person": 21380 + number, "incident": 9269, "discipline_action": 6}
        self.ledger.record_release(
            ReleaseRecord(
                "research", number, night, f"{number:064d}", f"{night}-persons", rows,
                inputs, risk, GENERATED,
            )
        )  # fmt: skip

    def write(self, night: date, generated_at: datetime = GENERATED) -> Path:
        """Write a night's report."""
        return write_report(
            self.ledger, self.registry, self.settings, self.zones, night, generated_at
        )


def fill(county: County) -> None:
    """Put three nights into the ledger."""
    for feed in FIRST_NIGHT:
        county.deliver(feed, FIRST)
        county.accept(feed, FIRST)
    county.link(FIRST, 29020, 21384, created=21384)
    county.release(1, FIRST)
    for feed in ("police_rms", "school"):
        county.deliver(feed, SECOND)
        county.accept(feed, SECOND)
    county.ledger.record_feed_night(
        "hospital", SECOND, "late", code="NOT_READY",
        detail="no export was offered by 05:00",
        remedy="Ask the hospital's interface team; the next night catches up",
    )  # fmt: skip
    county.deliver("probation", SECOND, held=True)
    county.ledger.record_feed_night(
        "probation", SECOND, "held", code="ROW_COUNT_MISMATCH", detail=HOSTILE,
        remedy="Ask the agency to send the delivery again",
    )  # fmt: skip
    county.link(SECOND, 29044, 21402, created=18)
    county.release(2, SECOND, carried=("hospital", "probation"))
    county.deliver("hospital", SECOND, landed_on=THIRD)
    for feed in FIRST_NIGHT:
        county.deliver(feed, THIRD)
        county.accept(feed, THIRD)
