"""A night of canaries: planted people walk through every feed's code, apart from all.

They are delivered in a data root of their own, first with rows of every sort, then with
a column missing, and go on through linkage, keymap, release and report. What the steps
log, raise and leave there is scanned before it is thrown away.
"""

import io
import logging
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from concord.contracts.models import Contract, ReleaseProfile
from concord.contracts.registry import Registry
from concord.disclosure.control import Control, planted
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import files
from concord.disclosure.searching import Artefact, Looked, search
from concord.landing.archive import Archive
from concord.pipeline.canaries import Canaries, canaries
from concord.pipeline.county import County, open_county
from concord.pipeline.ingest import check
from concord.pipeline.states import states_as_of
from concord.transport.base import Drop, Fetched, Part, Sink
from concord.validation.quarantine import Quarantine
from concord.validation.states import StateStore

KIND = "canaries' night"
WHOLE, BROKEN, DONE = "whole", "a column missing", "done"


@dataclass(frozen=True)
class Rehearsal:
    """What a night of canaries left behind, and what became of each step."""

    outcomes: Mapping[str, str]
    """For each step, ``done`` or the code or kind of the error that ended it."""
    looked: tuple[Looked, ...]
    seen: Control
    """Of feeds that took their canaries: how many stand in the vault or quarantine."""

    @property
    def stopped(self) -> tuple[str, ...]:
        """Return the steps that ended otherwise than they should, and how."""
        return tuple(
            f"{step}: {outcome}"
            for step, outcome in self.outcomes.items()
            if (outcome == DONE) == step.endswith(BROKEN)
        )


def rehearse(county: County, night: date, key: bytes) -> Rehearsal:
    """Let canaries walk through every feed, and scan all that they leave.

    Args:
        county: The county whose contracts, rules and profiles are rehearsed.
        night: The night for which they are delivered.
        key: Key of the findings' fingerprints.
    """
    flocks = {
        feed: canaries(
            contract, night, secrets.randbelow, _shown(county.registry, contract)
        )
        for feed, contract in sorted(county.registry.contracts.items())
    }
    tokens = {t for flock in flocks.values() for one in flock.tokens for t in one}
    with county.zones.workspace("canaries") as place:
        settings = county.settings.model_copy(
            update={
                "home": place / "home",
                "ledger_url": f"sqlite:///{place / 'home' / 'ledger.db'}",
                "gazetteer": None,
            }
        )
        contracts = {feed: flock.contract for feed, flock in flocks.items()}
        profiles = {n: _lenient(p) for n, p in county.registry.profiles.items()}
        registry = replace(county.registry, contracts=contracts, profiles=profiles)
        with open_county(settings) as opened:
            there = replace(opened, registry=registry)
            outcomes = _walk(there, flocks, night, place / "told.log")
            dictionary = Dictionary.from_vault([], tokens=tokens, key=key)
            looked = search(_artefacts(there, place), dictionary)
            records = [
                person
                for feed, flock in flocks.items()
                if flock.tells_of_persons and outcomes[f"{feed}, {WHOLE}"] == DONE
                for person in flock.tokens
            ]
            seen = planted(dictionary, records, _opened(there, night))
    return Rehearsal(outcomes, tuple(looked), seen)


def _shown(registry: Registry, contract: Contract) -> frozenset[str]:
    """Return the columns of a contract that some release shows as they are."""
    return frozenset(
        f"{table.name}.{column.name}"
        for table in contract.tables
        for column in table.columns
        for profile in registry.profiles.values()
        if profile.takes(contract.id)
        and profile.action_of(
            column.concept.name, f"{contract.id}.{table.name}.{column.name}"
        ).action
        == "keep"
    )


def _lenient(profile: ReleaseProfile) -> ReleaseProfile:
    """Let a release of few people through, so that all of its code is walked."""
    if profile.k_anonymity is None:
        return profile
    rule = profile.k_anonymity.model_copy(update={"max_suppressed_share": 1.0})
    return profile.model_copy(update={"k_anonymity": rule})


def _walk(
    county: County, flocks: Mapping[str, Canaries], night: date, told: Path
) -> dict[str, str]:
    """Take every step of two nights; returns what became of each."""
    from concord import pipeline  # the steps as DAGs take them; it imports this module

    outcomes = {}
    with _heard(told) as log:
        for feed, flock in flocks.items():
            for name, without, on in _deliveries(flock, night):
                outcomes[f"{feed}, {name}"] = _told(
                    log, partial(_ingest, county, flock, without, on)
                )
        outcomes["link"] = _told(log, partial(pipeline.link, county, night))
        for profile in sorted(county.registry.profiles):
            for name, step in (
                ("keymap of", pipeline.prepare_keymap),
                ("release", partial(pipeline.publish, run_id="canaries")),
            ):
                outcomes[f"{name} {profile}"] = _told(
                    log, partial(step, county, profile, night)
                )
        outcomes["report"] = _told(log, partial(pipeline.report, county, night))
    return outcomes


def _deliveries(flock: Canaries, night: date) -> Iterator[tuple[str, str | None, date]]:
    """Yield the deliveries of a feed: all of it, then one that has to be held.

    A feed that requires no column has no such delivery.
    """
    yield WHOLE, None, night
    required = (c.name for t in flock.contract.tables for c in t.columns if c.required)
    if (column := next(required, None)) is not None:
        yield BROKEN, column, night + timedelta(days=1)


def _ingest(county: County, flock: Canaries, without: str | None, night: date) -> None:
    archive = Archive(county.zones, county.keys, county.ledger)
    agreement = county.registry.agreement_of(flock.contract)
    drop = Drop(night, "canaries", "")
    transport = _Flock(flock, without)
    archive.land(flock.contract, agreement, transport, drop, landed_on=night)
    check(county, flock.contract.id, night)


@dataclass(frozen=True)
class _Flock:
    """A transport that offers canaries."""

    flock: Canaries
    without: str | None

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the canaries as the night's delivery."""
        return (Drop(night, "canaries", cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Store every table."""
        parts = []
        for table in self.flock.rows:
            lines = io.BytesIO(self.flock.lines(table, without=self.without))
            part = Part(f"{table}/00001.ndjson", table, "rows")
            parts.append(sink.store(part, lines))
        return Fetched(tuple(parts), {}, f"{drop.night:%Y%m%d}", "canaries")


def _told(log: TextIO, step: Callable[[], object]) -> str:
    """Take a step; whatever ends it is written down as a task's log would show it."""
    try:
        step()
    except Exception as error:
        log.write(traceback.format_exc())
        return str(getattr(error, "code", type(error).__name__))
    return DONE


@contextmanager
def _heard(path: Path) -> Iterator[TextIO]:
    """Write what is logged meanwhile to a file."""
    with path.open("w", encoding="utf-8") as log:
        handler = logging.StreamHandler(log)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield log
        finally:
            root.removeHandler(handler)


def _artefacts(county: County, place: Path) -> list[Artefact]:
    zones = county.zones
    sealed = (zones.landing, zones.quarantine, zones.vault, zones.content)
    return [
        Artefact(KIND, path, place, any(path.is_relative_to(zone) for zone in sealed))
        for path in files(place)
    ]


def _opened(county: County, night: date) -> Iterator[pa.Table]:
    """Yield where canaries may stand: the opened vault and quarantine."""
    for state in states_as_of(county, night):
        store = StateStore(county.zones, county.keys, state.feed)
        for name in store.vault_tables(state.state_id):
            yield store.read_vault(state.state_id, name)
        quarantine = Quarantine(county.zones, county.keys, state.feed)
        yield from quarantine.read(state.state_id).values()
