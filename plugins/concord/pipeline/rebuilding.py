"""A lost ledger, rebuilt from what lies beside the data.

Receipts say what arrived, states what became of it, linkages who was linked, manifests
what was released, and the journal what none of them says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from concord.contracts.models import Contract
from concord.exceptions import ConfigError, IntegrityError
from concord.landing.journal import Journal, Note
from concord.landing.receipts import RECEIPT, Receipt, as_delivery, read_receipt
from concord.landing.records import now
from concord.pipeline.county import County
from concord.pipeline.person_store import PERSONS, read_run
from concord.pipeline.release_records import as_record
from concord.pipeline.replaying import Replay
from concord.publication.layout import release_folders
from concord.publication.manifest import read_manifest
from concord.publication.reading import created_at
from concord.validation.feed_check import held_counts
from concord.validation.states import StateDescription, StateStore

UNJOURNALED = (
    "audit events, nights on which a feed was late or held, approvals, exports under "
    "way and cross-checks: there is no journal beside the data"
)


@dataclass(frozen=True)
class Rebuilt:
    """What came back, and what did not."""

    deliveries: int
    nights: int
    linkages: int
    releases: int
    lost: tuple[str, ...]


def rebuild_ledger(county: County) -> Rebuilt:
    """Fill an empty ledger from receipts, states, linkages and manifests.

    Raises:
        ConfigError: The ledger is not empty: it would be overwritten in part.
    """
    return _Rebuilding(county).run()


class _Rebuilding:
    """One rebuilding; collects what can't be read instead of stopping at it."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.ledger = county.ledger.without_journal()
        self.lost: list[str] = []
        notes = list(Journal(county.zones.landing).notes())
        self.lost += [note for note in notes if isinstance(note, str)]
        self.replay = Replay(
            self.ledger, [note for note in notes if isinstance(note, Note)]
        )

    def run(self) -> Rebuilt:
        if self.ledger.nights() or self.ledger.releases():
            raise ConfigError(
                "the ledger is not empty. Move it away first (for SQLite, ledger.db "
                "and its -wal and -shm files), or name a new one in CONCORD_LEDGER_URL"
            )
        contracts = self.county.registry.contracts
        feeds = {feed: self._feed(contracts[feed]) for feed in sorted(contracts)}
        rebuilt = Rebuilt(
            deliveries=sum(deliveries for deliveries, _ in feeds.values()),
            nights=sum(nights for _, nights in feeds.values()),
            linkages=self._linkages(),
            releases=sum(map(self._releases, self._profiles())),
            lost=(*self.lost, *(() if self.replay.notes else (UNJOURNALED,))),
        )
        self.replay.run()
        newest = max(self.ledger.nights(), default=None)
        if newest is not None:
            counts = {k: v for k, v in vars(rebuilt).items() if k != "lost"}
            self.county.ledger.record_event("ledger_rebuilt", newest, **counts)
        return rebuilt

    # Feeds ----------------------------------------------------------------------

    def _feed(self, contract: Contract) -> tuple[int, int]:
        """Bring back a feed; returns how many deliveries and nights it has."""
        states = self._states(contract.id)
        taken_on = {d: s.night for _, s in states for d in s.deliveries}
        receipts = dict(self._receipts(contract.id))
        for folder, receipt in receipts.items():
            landed_on = taken_on.get(receipt.delivery_id, receipt.landed_on)
            place = folder.relative_to(self.county.zones.landing)
            delivery = as_delivery(receipt, place)
            self.ledger.record_delivery(replace(delivery, landed_on=landed_on))
        for state, description in states:
            self._state(state, description)
        self._watermark(contract.id, taken_on)
        self._close(contract, list(receipts.values()), taken_on)
        return len(receipts), len({s.night for _, s in states})

    def _receipts(self, feed: str) -> Iterator[tuple[Path, Receipt]]:
        """Yield every landed delivery of a feed that can be read."""
        for path in sorted(self.county.zones.landing.glob(f"{feed}/*/*/{RECEIPT}")):
            try:
                yield path.parent, read_receipt(path.parent)
            except IntegrityError as error:
                self.lost.append(f"a delivery of {feed}: {error}")

    def _states(self, feed: str) -> list[tuple[str, StateDescription]]:
        """Return the feed's states, each night's last-made one last."""
        store = StateStore(self.county.zones, self.county.keys, feed)
        found = []
        for name in store.described():
            try:
                found.append((name, store.describe(name)))
            except IntegrityError as error:
                self.lost.append(f"a night of {feed}: {error}")
        return sorted(found, key=lambda each: (each[1].night, each[1].made_at))

    def _state(self, state: str, description: StateDescription) -> None:
        feed = description.feed
        night, history = description.night, self.ledger.history
        for delivery, outcome in description.outcomes.items():
            self.replay.checked[delivery] = outcome
            self.ledger.record_outcome(
                delivery, "checked", outcome.tables, outcome.rules
            )
            history.record_profiles(delivery, outcome.profiles)
        history.record_healing(feed, night, description.healing)
        if description.deletion is not None:
            history.record_deletion(description.deletion)
        self.ledger.record_columns(feed, state, description.columns)
        if (feed, night) not in self.replay.nights:
            self.ledger.record_feed_night(feed, night, "checked", state_id=state)

    def _watermark(self, feed: str, taken_on: dict[str, date]) -> None:
        """Move the watermark over every delivery that was accepted."""
        for delivery in self.ledger.deliveries(feed):
            night = taken_on.get(delivery.id)
            if night is not None and not self.replay.is_staged(feed, night):
                self.ledger.advance(feed, delivery.cursor, delivery.night)

    def _close(
        self, contract: Contract, receipts: list[Receipt], taken_on: dict[str, date]
    ) -> None:
        """Close deliveries that were never accepted and that later ones made up for.

        What the journal says of deliveries is better than this, and comes later.
        """
        accepted = [r.night for r in receipts if r.delivery_id in taken_on]
        if not accepted:
            return
        for receipt in receipts:
            known = {*taken_on, *self.replay.landings}
            if receipt.delivery_id not in known and receipt.night < max(accepted):
                counts = held_counts(contract, receipt)
                self.ledger.record_outcome(receipt.delivery_id, "held", counts, [])
        self.ledger.supersede_held(contract.id, max(accepted))

    # Linkage and releases ---------------------------------------------------------

    def _linkages(self) -> int:
        runs = []
        for folder in sorted((self.county.zones.vault / PERSONS).glob("[0-9]*")):
            try:
                runs.append(read_run(folder))
            except IntegrityError as error:
                self.lost.append(f"a linkage: {error}")
        for run in sorted(runs, key=lambda run: run.at):
            self.ledger.record_linkage(run)
        return len({run.night for run in runs})

    def _profiles(self) -> list[str]:
        return sorted(p.name for p in self.county.zones.releases.iterdir())

    def _releases(self, profile: str) -> int:
        releases = self.county.zones.releases
        count = 0
        for number, folder in release_folders(releases / profile):
            try:
                manifest = read_manifest(folder)
            except IntegrityError as error:
                self.lost.append(f"release {number} of {profile}: {error}")
                continue
            made = created_at(releases, profile, number) or now()
            self.ledger.record_release(as_record(profile, number, manifest, made))
            count += 1
        return count
