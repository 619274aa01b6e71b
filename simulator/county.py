"""The county: every agency's deliveries of any night, from nothing but a seed."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simulator import (
    canaries,
    hospital_files,
    police_files,
    probation_files,
    school_files,
)
from simulator.agencies import AGENCIES
from simulator.defects import plant_defects
from simulator.events import EventPlan, add_events
from simulator.faults import KINDS, Effect, Fault, Staged, find, tell_server
from simulator.faults.packing import opened
from simulator.membership import draw_membership, record_persons
from simulator.names import read_table
from simulator.nights import (
    change_records,
    delete_rows,
    register_newcomers,
    revise_events,
)
from simulator.people import People, draw_people
from simulator.places import draw_places
from simulator.records import store_people, store_places, write_records
from simulator.rosters import Night, read_rosters
from simulator.serving import Delivery, compact, macros
from simulator.store import FEEDS, Store
from simulator.truth import write_gazetteer, write_truth

FIRST_NIGHT = date(2026, 1, 5)
_WRITERS: Mapping[str, Callable[[Delivery], None]] = {
    "police_rms": police_files.write,
    "probation": probation_files.write,
    "school": school_files.write,
    "hospital": hospital_files.write,
    **{feed: agency.write for feed, agency in AGENCIES.items()},
}
Progress = Callable[[str], None]


def _silent(step: str) -> None:
    """Report nothing."""


class County:
    """A synthetic county. The same seed, size and night always give the same bytes."""

    def __init__(
        self,
        seed: int,
        persons: int,
        events: int | None = None,
        first_night: date = FIRST_NIGHT,
        progress: Progress = _silent,
    ) -> None:
        """Describe the county; nothing is drawn before the first night is written."""
        if persons < 200:
            raise ValueError(f"persons is {persons}; a county needs at least 200")
        self.seed = seed
        self.persons = persons
        self.first_night = first_night
        self.plan = EventPlan(persons, events if events is not None else 5 * persons)
        self._progress = progress
        self._store: Store | None = None
        self._people: People | None = None
        self._canaries: list[canaries.Canary] = []
        self._index = -1

    def night(self, index: int) -> Night:
        """Give a night by its number: 0 is the first, full load."""
        if index < 0:
            raise ValueError(f"night is {index}; nights count from 0")
        return Night(self.seed, index, self.first_night)

    def write_night(
        self, root: Path, night: int, faults: Mapping[str, str] | None = None
    ) -> None:
        """Write what the agencies serve on a night, its gazetteer, and the truth."""
        this = self.night(night)
        injected = {feed: find(feed, name) for feed, name in (faults or {}).items()}
        store = self._advance(night)
        for feed, write in _WRITERS.items():
            self._progress(f"night {this.date}: {feed}")
            staging = root / "staging" / feed / folder_name(feed, this)
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            write(Delivery(store, this, staging))
            before = root / "served" / feed / folder_name(feed, self._before(night))
            deliver(root, Staged(feed, staging, before), this, injected.get(feed))
        shutil.rmtree(root / "staging")
        self._progress(f"night {this.date}: truth")
        folder = root / "truth" / this.date.isoformat()
        write_truth(store, this, folder, canaries.listing(store, self._canaries))
        write_gazetteer(store, root / "gazetteer" / f"{this.date}.csv")

    def _before(self, index: int) -> Night:
        """Give the night before another; before the first there is nothing to find."""
        return Night(self.seed, index - 1, self.first_night)

    def _advance(self, index: int) -> Store:
        """Bring the books to a night, replaying every night before it."""
        if self._store is not None and index < self._index:
            self._store.close()
            self._store, self._index = None, -1
        if self._store is None:
            self._progress("people and records")
            self._store = self._open()
        while self._index < index:
            self._index += 1
            self._progress(f"events of night {self._index}")
            self._play(self._store, self.night(self._index))
        return self._store

    def _open(self) -> Store:
        store = Store()
        night = self.night(0)
        self._people = draw_people(self.seed, self.persons, night.today)
        store_people(store, self._people)
        for macro in macros(night):
            store.run(macro)
        homes = int(self._people.household[-1]) + 1
        store_places(store, draw_places(night.rng("places"), 0, 2 * homes))
        _store_nicknames(store)
        known = draw_membership(self.seed, self._people, night.today)
        for feed in FEEDS:
            rng = night.rng(f"records {feed}")
            persons = record_persons(rng, feed, np.flatnonzero(known[feed]))
            write_records(store, rng, feed, 0, self._people, persons)
        self._canaries = canaries.draw_canaries(
            self.seed, self.persons, self.first_night
        )
        canaries.plant(store, self._canaries)
        return store

    def _play(self, store: Store, night: Night) -> None:
        people = self._people
        assert people is not None
        if night.index:
            register_newcomers(store, night, people)
        rosters = read_rosters(store, people, night)
        add_events(store, night, people, rosters, self.plan)
        if night.index:
            change_records(store, night, people)
            revise_events(store, night)
            delete_rows(store, night, len(people))
        else:
            canaries.adopt_events(store, self._canaries)
        plant_defects(store, night, len(people))


def folder_name(feed: str, night: Night) -> str:
    """Name a night's folder as the agency does."""
    return _folder(feed, night.date)


def _folder(feed: str, night: date) -> str:
    return compact(night) if _drops_files(feed) else night.isoformat()


def _drops_files(feed: str) -> bool:
    """Say whether an agency leaves files and a manifest on a file server."""
    return KINDS[feed] == "sftp"


def deliver(
    root: Path, staged: Staged, night: Night, injected: tuple[Fault, Effect] | None
) -> Path:
    """Serve a staged night, with the fault that it is to show."""
    feed, effect = staged.feed, injected[1] if injected else Effect()
    if effect.damage:
        with opened(staged) as tables:
            effect.damage(tables)
    area = "withheld" if effect.withholds else "served"
    final = _publish(staged.folder, root / area / feed, feed, night)
    if effect.spoil:
        effect.spoil(replace(staged, folder=final))
    number = injected[0].number if injected and effect.by_server else ""
    tell_server(root, feed, night.date, number)
    return final


def _publish(staging: Path, target: Path, feed: str, night: Night) -> Path:
    """Move a staged folder to where it is served; a manifest comes last."""
    target.mkdir(parents=True, exist_ok=True)
    final = target / staging.name
    shutil.rmtree(final, ignore_errors=True)
    staging.replace(final)
    if _drops_files(feed):
        police_files.write_manifest(final, _manifest(final, feed, night))
    return final


def _manifest(folder: Path, feed: str, night: Night) -> dict[str, Any]:
    if feed not in AGENCIES:
        return police_files.manifest(folder, night)
    agency = AGENCIES[feed]
    if agency.zipped is None:
        return police_files.manifest(
            folder, night, feed, agency.tables, full=agency.full
        )
    content = police_files.manifest(folder, night, feed, (), full=agency.full)
    packed = police_files.describe(folder / agency.zipped, "archive")
    del packed["rows"]  # A zip of several tables announces none.
    return {**content, "files": [packed]}


def release_late(root: Path, feed: str, night: date) -> Path:
    """Serve a withheld night after all: files first, the manifest last."""
    name = _folder(feed, night)
    withheld, final = root / "withheld" / feed / name, root / "served" / feed / name
    if not withheld.is_dir():
        raise ValueError(f"nothing of {feed} is withheld for {night}")
    manifest = withheld / "manifest.json"
    aside = withheld.parent / f".{name}.manifest.json"
    if manifest.exists():
        manifest.replace(aside)
    final.parent.mkdir(parents=True, exist_ok=True)
    withheld.replace(final)
    if aside.exists():
        aside.replace(final / "manifest.json")
    return final


def _store_nicknames(store: Store) -> None:
    names: dict[str, list[str]] = defaultdict(list)
    for row in read_table("nicknames.csv"):
        names[row["name"]].append(row["nickname"])
    table = pa.table({"first_name": list(names), "nicknames": list(names.values())})
    store.run("CREATE TABLE nickname AS SELECT * FROM short_names", short_names=table)
