"""What is kept past its time: listed, and destroyed when the agreement says so.

A state or a landed original may be kept for the agreement's ``retentionDays`` after
its night. What an agency deleted is gone from the newest state at once, but older
states and originals hold it until then. Descriptions and receipts stay: they hold no
row, and a lost ledger is rebuilt from them.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from concord.landing.receipts import RECEIPT
from concord.pipeline.assaults import AssaultStep
from concord.pipeline.backfilling import whole_feed
from concord.pipeline.county import County
from concord.pipeline.person_store import PERSONS
from concord.pipeline.rescoring import forget_scores
from concord.validation.record_keys import RecordKeys
from concord.validation.states import DESCRIPTION, StateDescription, StateStore

SEALED = {"person_keys": "record_key", "place_keys": "place_key"}


@dataclass(frozen=True)
class Holding:
    """One state or landed original that still holds rows."""

    feed: str
    kind: Literal["state", "delivery"]
    name: str
    night: date
    until: date
    folders: tuple[Path, ...]
    in_use: bool
    holds_deleted: bool

    def is_overdue(self, today: date) -> bool:
        """Say whether it may be kept no longer, and nothing stands on it."""
        return self.until < today and not self.in_use


@dataclass(frozen=True)
class Destroyed:
    """What was destroyed of one feed; the ledger has the same as its receipt."""

    feed: str
    states: int
    deliveries: int
    keys: int


def holdings(county: County, feed: str) -> tuple[Holding, ...]:
    """Return everything of a feed that holds rows, oldest first."""
    found = [*_states(county, feed), *_deliveries(county, feed)]
    return tuple(sorted(found, key=lambda h: (h.night, h.kind, h.name)))


def apply_retention(county: County, today: date) -> tuple[Destroyed, ...]:
    """Destroy what is past its agreement's retention, but nothing that is in use.

    Raises:
        FeedLocked: A run of a feed did not end.
    """
    done = (_apply(county, feed, today) for feed in sorted(county.registry.contracts))
    return tuple(one for one in done if one is not None)


def _apply(county: County, feed: str, today: date) -> Destroyed | None:
    with whole_feed(county, feed, time.sleep) as mine:
        overdue = [h for h in holdings(mine, feed) if h.is_overdue(today)]
        if not overdue:
            return None
        for holding in overdue:
            _empty(holding)
        names = {
            kind: [h.name for h in overdue if h.kind == kind]
            for kind in ("state", "delivery")
        }
        AssaultStep(mine).forget(feed, names["state"])
        keys = _forget_keys(mine, feed)
        forget_scores(mine.zones.vault / PERSONS, feed, names["state"])
        agreement = mine.registry.agreement_of(mine.registry.contract(feed))
        mine.ledger.record_event(
            "destroyed",
            max(h.night for h in overdue),
            feed,
            states=names["state"],
            deliveries=names["delivery"],
            keys=keys,
            agreement=agreement.id,
            agreement_version=agreement.version,
            retention_days=agreement.retention_days,
            on=today.isoformat(),
        )
    return Destroyed(feed, len(names["state"]), len(names["delivery"]), keys)


def _states(county: County, feed: str) -> Iterator[Holding]:
    store = StateStore(county.zones, county.keys, feed)
    described = {name: store.describe(name) for name in store.described()}
    needed = _needed(county, feed, described)
    for name, description in described.items():
        folders = tuple(
            folder
            for folder in (
                county.zones.vault / feed / name,
                county.zones.quarantine / feed / name,
                county.zones.content / feed / name,
            )
            if _rows_in(folder)
        )
        if folders:
            yield _holding(
                county, feed, "state", name, description.night, folders, name in needed
            )


def _needed(
    county: County, feed: str, described: dict[str, StateDescription]
) -> set[str | None]:
    """Return the newest state and what it was built on, also of staged nights."""
    newest = county.ledger.state_as_of(feed, date.max)
    if newest is None:
        return set(described)
    after = {n for n, d in described.items() if d.night > newest.night}
    kept = {newest.state_id, *after}
    return {*kept, *(described[n].previous for n in kept if n in described)}


def _deliveries(county: County, feed: str) -> Iterator[Holding]:
    newest = county.ledger.state_as_of(feed, date.max)
    for delivery in county.ledger.deliveries(feed):
        folder = county.zones.landing / delivery.folder
        in_use = newest is None or delivery.landed_on >= newest.night
        if _rows_in(folder):
            yield _holding(
                county,
                feed,
                "delivery",
                delivery.id,
                delivery.landed_on,
                (folder,),
                in_use,
            )


def _holding(
    county: County,
    feed: str,
    kind: Literal["state", "delivery"],
    name: str,
    night: date,
    folders: tuple[Path, ...],
    in_use: bool,
) -> Holding:
    agreement = county.registry.agreement_of(county.registry.contract(feed))
    until = night + timedelta(days=agreement.retention_days)
    last = max(
        (
            found.night
            for found in county.ledger.history.deletions()
            if found.feed == feed and found.persons + found.rows
        ),
        default=date.min,
    )
    # The delivery that tells a deletion names what it deletes.
    holds = night < last or (kind == "delivery" and night == last)
    return Holding(feed, kind, name, night, until, folders, in_use, holds)


def _rows_in(folder: Path) -> list[Path]:
    """Return the files of a folder that hold rows, not what describes them."""
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if p.name not in (DESCRIPTION, RECEIPT)]


def _empty(holding: Holding) -> None:
    """Destroy the rows; a description stays where there is one."""
    for folder in holding.folders:
        for path in _rows_in(folder):
            path.unlink()
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def _forget_keys(county: County, feed: str) -> int:
    """Destroy the keys of records and places that no state holds any more."""
    store = StateStore(county.zones, county.keys, feed)
    key = county.keys.zone_key("vault")
    forgotten = 0
    for name, column in SEALED.items():
        used: set[Any] = set()
        for state in store.names():
            tables = [
                *(store.read_content(state, t) for t in store.describe(state).content),
                *(store.read_vault(state, t) for t in store.vault_tables(state)),
            ]
            for table in tables:
                if column in table.column_names:
                    used.update(table[column].to_pylist())
        forgotten += RecordKeys(county.zones.vault / feed / name, key).keep_only(used)
    return forgotten
