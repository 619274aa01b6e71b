"""Check and split one feed on one night."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from concord import __version__
from concord.contracts.decisions import NOTHING_DECIDED, Decisions
from concord.contracts.models import Contract
from concord.duck import connect
from concord.exceptions import DeliveryHeld, DeliveryNotReady
from concord.landing.archive import Archive
from concord.landing.history import Deletion
from concord.landing.ledger import Ledger
from concord.landing.receipts import Receipt
from concord.landing.records import Delivery, TableCount, now
from concord.sealing import KeyRing
from concord.settings import Settings, new_keys
from concord.validation import drift
from concord.validation.brakes import Brakes
from concord.validation.checking import CheckedDelivery, DeliveryChecker
from concord.validation.healing import Healer
from concord.validation.landed_tables import LandedTables
from concord.validation.merging import StateMerger
from concord.validation.overriding import RowNames
from concord.validation.quarantine import ZONE, Quarantine
from concord.validation.row_checks import TableRules
from concord.validation.states import StateDescription, StateStore, state_id
from concord.zones import Zones

SECURITY_NOTES = ("WRONG_AGENCY",)


@dataclass(frozen=True)
class CheckResult:
    """What the check of a feed's night made: references and counts, no rows."""

    feed: str
    night: date
    state_id: str
    received: int
    published: int
    quarantined: int
    rejected: int


class FeedCheck:
    """Everything that checking one feed needs."""

    def __init__(
        self,
        settings: Settings,
        zones: Zones,
        keys: KeyRing,
        ledger: Ledger,
        contract: Contract,
        decisions: Decisions = NOTHING_DECIDED,
        *,
        draw: Callable[[int], list[str]] = new_keys,
    ) -> None:
        self.settings = settings
        self.zones = zones
        self.keys = keys
        self.ledger = ledger
        self.contract = contract
        self.decisions = decisions
        self.draw = draw
        self.archive = Archive(zones, keys, ledger)
        self.store = StateStore(zones, keys, contract.id)
        self.quarantine = Quarantine(zones, keys, contract.id)

    def run(self, night: date, deliveries: Sequence[Delivery]) -> CheckResult:
        """Check deliveries in order and make the night's state.

        Raises:
            DeliveryNotReady: There is nothing to check.
            DeliveryHeld: A delivery is in doubt; nothing of it was applied.
        """
        if not deliveries:
            raise DeliveryNotReady(
                "NOTHING_LANDED",
                feed=self.contract.id,
                detail=f"no delivery has landed for {night}",
                remedy="Ask the agency, or wait for the next night",
            )
        state = self._on_top(night, self._previous(night), deliveries)
        last = deliveries[-1]
        self.ledger.supersede_held(self.contract.id, last.night)
        self.ledger.advance(self.contract.id, last.cursor, last.night)
        return self._result(night, state, deliveries)

    def _previous(self, night: date) -> str | None:
        """Return the state on which a night builds: the newest of an earlier one."""
        before = self.ledger.state_as_of(self.contract.id, night - timedelta(days=1))
        return before.state_id if before else None

    def _on_top(
        self, night: date, previous: str | None, deliveries: Sequence[Delivery]
    ) -> str:
        """Make and record the night's state, again where its base changed meanwhile.

        An earlier night may be restated beside this one. Whichever of the two records
        its state last sees the other's, so that no state stays on an old base.
        """
        state = state_id(night, self._inputs(night, previous, deliveries))
        if not self.store.exists(state):
            self._make(state, night, previous, deliveries)
        self.ledger.record_feed_night(
            self.contract.id, night, "checked", state_id=state
        )
        base = self._previous(night)
        return state if base == previous else self._on_top(night, base, deliveries)

    def _make(
        self,
        state: str,
        night: date,
        previous: str | None,
        deliveries: Sequence[Delivery],
    ) -> None:
        contract = self.contract
        with (
            self.zones.workspace("check") as workspace,
            connect(self.settings, workspace, timezone=contract.timezone) as con,
        ):
            brakes = Brakes(contract.id, night, self.decisions)
            checker = DeliveryChecker(
                con,
                contract,
                TableRules(contract, self.settings.expectations, night),
                LandedTables(con, contract, self.archive, workspace),
                brakes,
                RowNames(contract.id, self.keys.zone_key(ZONE)),
            )
            merger = StateMerger(
                con, contract, self.zones, self.keys, self.draw, brakes
            )
            healer = Healer(con, checker, merger, self.quarantine)
            merger.begin(previous)
            healer.begin(previous)
            checked = [self._apply(checker, merger, healer, d) for d in deliveries]
            healer.recheck()
            tables, orphaned = merger.finish()
            gone = merger.find_gone()
            healer.forget_persons()
            waiting, healed = healer.finish()
            checked[-1].extra_rules += merger.implausible_ages()
            with self.store.appearing(state, tables, self.ledger.confirm) as staged:
                columns = merger.completeness(staged)
                description = StateDescription(
                    feed=contract.id,
                    night=night,
                    previous=previous,
                    deliveries=tuple(d.id for d in deliveries),
                    contract_version=contract.version,
                    content={n: t.rows for n, t in staged.content.items()},
                    vault={n: t.rows for n, t in staged.vault.items()},
                    made_at=now(),
                    outcomes={c.delivery.id: c.outcome for c in checked},
                    columns=tuple(columns),
                    healing=tuple(healed),
                    deletion=Deletion(contract.id, night, gone, merger.deleted),
                )
                staged.describe(description)
                self._record(night, checked, brakes)
                self.ledger.history.record_healing(contract.id, night, healed)
                self._record_deletions(night, gone, merger.deleted, orphaned)
                self.ledger.record_columns(contract.id, state, columns)
                self.quarantine.write(state, waiting, self.ledger.confirm)

    def _apply(
        self,
        checker: DeliveryChecker,
        merger: StateMerger,
        healer: Healer,
        delivery: Delivery,
    ) -> CheckedDelivery:
        """Check and merge one delivery; a hold is recorded with its counts."""
        whole = self.contract.delivery.absence_deletes
        whole = whole or self.archive.receipt(delivery).whole
        checked = CheckedDelivery(delivery, whole)
        held: DeliveryHeld | None = None
        try:
            checker.landed.load_key_changes(delivery)
            merger.follow_keys()
            checker.check(checked)
            self._compare(checker, checked)
            merger.apply(whole)
            healer.absorb(delivery.night, whole)
            merger.remember()
        except DeliveryHeld as error:
            held = error
        except duckdb.Error as error:
            held = _engine_failure(delivery.feed, error)
        if held is not None:
            self._hold(checked, held)
            # Raised out here, so that no traceback leads to what DuckDB said.
            raise held
        self.ledger.confirm()
        return checked

    def _compare(self, checker: DeliveryChecker, checked: CheckedDelivery) -> None:
        """Hold a delivery that differs too much from the feed's own past."""
        night = checked.delivery.night
        for part in checked.tables.values():
            checked.profiles += drift.profile(checker.con, part.table, part.accepted)
        past = self.ledger.history.past(self.contract.id, night, drift.LOOK_BACK)
        received = {c.table_name: c.received for c in checked.counts}
        for finding in drift.findings(
            self.contract, night, received, checked.profiles, past
        ):
            checker.brakes.pull(
                finding.code, finding.rule, finding.detail, finding.remedy
            )

    def _record(
        self, night: date, checked: Sequence[CheckedDelivery], brakes: Brakes
    ) -> None:
        """Record what became of every row, and which decisions had a part in it."""
        feed, ledger = self.contract.id, self.ledger
        for one in checked:
            ledger.record_outcome(one.delivery.id, "checked", one.counts, one.rules)
            ledger.history.record_profiles(one.delivery.id, one.profiles)
            for part in one.tables.values():
                if part.overridden:
                    ledger.record_event(
                        "overridden",
                        night,
                        feed,
                        table=part.table.name,
                        rows=part.overridden,
                    )
        for rule, exemption in brakes.used.items():
            until = exemption.expires.isoformat()
            ledger.record_event("exempted", night, feed, rule=rule, until=until)
        for expired in self.decisions.expired(night):
            ledger.record_event(
                f"{expired.kind}_expired", night, feed, rule=expired.rule
            )

    def _record_deletions(
        self, night: date, persons: int, rows: int, orphaned: int
    ) -> None:
        """Record how much was deleted, never whose, and which releases hold it."""
        feed, history = self.contract.id, self.ledger.history
        history.record_deletion(Deletion(feed, night, persons, rows))
        if orphaned:
            self.ledger.record_event(
                "events_of_deleted_persons", night, feed, rows=orphaned
            )
        if not (persons or rows):
            return
        self.ledger.record_event("deleted", night, feed, persons=persons, rows=rows)
        stale = Counter(
            release.profile
            for release in self.ledger.releases()
            if any(d.night == night for d in history.outdated_by(release))
        )
        for profile, releases in stale.items():
            self.ledger.record_event(
                "releases_hold_deleted", night, feed, profile=profile, releases=releases
            )

    def _hold(self, checked: CheckedDelivery, held: DeliveryHeld) -> None:
        """Record a held delivery: every row of it waits in landing, none is lost."""
        counts = held_counts(self.contract, self.archive.receipt(checked.delivery))
        self.ledger.record_outcome(checked.delivery.id, "held", counts, checked.rules)
        night, feed = checked.delivery.night, checked.delivery.feed
        self.ledger.record_event("held", night, feed, code=held.code)
        if held.code in SECURITY_NOTES:
            self.ledger.record_event("security_note", night, feed, code=held.code)

    def _inputs(
        self, night: date, previous: str | None, deliveries: Sequence[Delivery]
    ) -> list[str]:
        """Return everything that the state depends on."""
        suites = hashlib.sha256()
        folder = self.settings.expectations / self.contract.id
        for path in sorted(folder.glob("*.json")):
            suites.update(path.read_bytes())
        return [
            __version__,
            self.contract.model_dump_json(),
            suites.hexdigest(),
            previous or "",
            *(o.model_dump_json() for o in self.decisions.overrides_in_force(night)),
            *(delivery.id for delivery in deliveries),
        ]

    def _result(
        self, night: date, state: str, deliveries: Sequence[Delivery]
    ) -> CheckResult:
        counts = [c for d in deliveries for c in self.ledger.table_counts(d.id)]
        return CheckResult(
            feed=self.contract.id,
            night=night,
            state_id=state,
            received=sum(c.received for c in counts),
            published=sum(c.published for c in counts),
            quarantined=sum(c.quarantined for c in counts),
            rejected=sum(c.rejected for c in counts),
        )


def held_counts(contract: Contract, receipt: Receipt) -> list[TableCount]:
    """Count every announced row of a held delivery as quarantined."""
    announced = {
        table.name: receipt.rows_expected.get(table.source, 0)
        for table in contract.tables
    }
    return [TableCount(name, n, 0, n, 0, 0) for name, n in announced.items()]


def _engine_failure(feed: str, error: duckdb.Error) -> DeliveryHeld:
    """Tell that the engine failed, by its kind of error alone: it quotes values."""
    return DeliveryHeld(
        "CHECK_FAILED",
        feed=feed,
        detail=f"the check stopped with {type(error).__name__}",
        remedy="Report it with this message; the delivery is kept",
    )
