"""The publish step: de-identify, curate, check, release.

Two calls, so that no step holds both who and what: the keymap is made from the vault;
the release is built from content and the keymap. Only the last gate looks into the
vault again, to prove that nothing of it is in the release.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from concord import __version__
from concord.contracts.models import Contract
from concord.curation.cross_checks import read_checks, run_checks
from concord.curation.dictionary import build_dictionary, to_html, to_json, to_markdown
from concord.curation.profile_tables import mark_suppressed
from concord.curation.running import curate
from concord.curation.selection import Selected, as_published, select
from concord.curation.sql_files import CuratedTable
from concord.deidentification.assaults import ASSAULTS, load_assaults
from concord.deidentification.content import deidentify, load_keymap
from concord.deidentification.content_columns import empty_content, entities
from concord.deidentification.persons import Keymap, build_keymap, needed_columns
from concord.deidentification.quiet import quietly
from concord.deidentification.tokens import Tokeniser, check_prefixes
from concord.deidentification.victims import check_victim_rules, withhold_followers
from concord.deidentification.zip3 import Zip3Table
from concord.duck import connect, fetch, quoted, side_by_side
from concord.exceptions import LinkageError
from concord.landing.records import FeedState, LinkageRun, ReleaseRecord, now
from concord.pipeline.assaults import AssaultStep
from concord.pipeline.county import County
from concord.pipeline.person_store import PersonStore
from concord.pipeline.protecting import protect_persons
from concord.pipeline.release_checks import check_release
from concord.pipeline.states import person_records, states_of
from concord.publication.reading import created_at
from concord.publication.release import Release, ReleaseContext, publish
from concord.sealing import read_table, write_table
from concord.steps import Step
from concord.validation.states import StateStore, state_id
from concord.zones import Zones, appearing

KEYMAPS = "keymaps"
KEYMAP_TABLES = ("person_keys", "persons", "place_keys", "successions")
SOURCE_STATES = pa.schema(
    [
        ("feed", pa.string()),
        ("agency", pa.string()),
        ("sector", pa.string()),
        ("night", pa.date32()),
        ("carried", pa.bool_()),
        ("rows", pa.int64()),
    ]
)


def keymaps_of(zones: Zones, profile: str, epoch: str) -> Path:
    """Return the folder of a profile's keymaps under one key; it goes with the key."""
    return zones.content / KEYMAPS / profile / epoch


class PublishStep:
    """Makes the releases of one profile."""

    def __init__(self, county: County, profile: str) -> None:
        self.county = county.acting(Step.ASSEMBLE)
        self.vault = county.acting(Step.KEYMAP)
        self.gate = county.acting(Step.GATE)
        self.profile = county.registry.profile(profile)
        check_victim_rules(self.profile, county.registry.contracts)

    @cached_property
    def selected(self) -> Selected:
        """Return the SQL that the profile needs, read once."""
        return select(self.county.settings.include, self.profile)

    def prepare_keymap(self, night: date) -> str:
        """Make the keymap of a night from the vault; returns its name."""
        run, states = self._linked(night)
        name = self._keymap_name(night, run)
        folder = self._keymaps() / name
        if not folder.is_dir():
            keymap = self._keymap(night, run, states)
            key = self.vault.keys.zone_key(KEYMAPS)
            with appearing(folder) as staging:
                for part in KEYMAP_TABLES:
                    table = getattr(keymap, part)
                    write_table(table, staging / f"{part}.parquet", key, place=name)
        return name

    def publish(self, night: date, run_id: str) -> Release:
        """Build, check and publish a night's release.

        Where the profile asks for reviewers it is held back until they approve it.

        Raises:
            DisclosureRefused: A check failed; the last release stays current.
        """
        run, states = self._linked(night)
        keymap = self._read_keymap(self._keymap_name(night, run))
        with (
            self.county.zones.workspace("publish") as workspace,
            connect(self.county.settings, workspace) as con,
        ):
            self._deidentify(con, states, keymap)
            self._assaults(con, run)
            finished, risk = self._checked(con, night, states)
        taken = self._taken(states)
        release = publish(
            finished,
            context=self._context(night, run, taken, run_id, risk),
            releases=self.county.zones.releases,
            keys=self.county.keys.folder,
            held_back=self.profile.reviewers > 0,
        )
        if self.profile.reviewers:
            return release
        rows = {name: table.num_rows for name, table in finished.items()}
        self._record(release, rows, night, run, taken, risk)
        return release

    def _checked(
        self, con: duckdb.DuckDBPyConnection, night: date, states: Sequence[FeedState]
    ) -> tuple[Mapping[str, pa.Table], dict[str, Any]]:
        """Make the tables and hold them to the profile; returns what was found too."""
        tables = self._curate(con)
        self._compare_agencies(con, night)
        protected = protect_persons(con, self.county, self.profile, tables)
        mark_suppressed(con, tables)
        scanned, found = side_by_side(
            con,
            lambda cursor: self._look_last(cursor, tables, states),
            protected.proven,
        )
        scan = {"identifiers": scanned, "findings": 0}
        return self._tables(con), {**found, "scan": scan}

    def _look_last(
        self,
        con: duckdb.DuckDBPyConnection,
        tables: Sequence[CuratedTable],
        states: Sequence[FeedState],
    ) -> int:
        """Look at the tables as they would leave; returns how much was looked for."""
        return check_release(
            con, self.gate, self.profile, tables, states, self._zip3_table()
        )

    # What the release is made of ------------------------------------------------

    def _linked(self, night: date) -> tuple[LinkageRun, list[FeedState]]:
        run = self.county.ledger.linkage_as_of(night)
        if run is None or run.night != night:
            raise LinkageError(
                "NOT_LINKED",
                f"persons have not been linked for {night}",
                "Run link_persons for the night first",
            )
        return run, states_of(self.county, run)

    def _store(self, feed: str) -> StateStore:
        return StateStore(self.county.zones, self.county.keys, feed)

    def _tokeniser(self) -> Tokeniser:
        used = self.county.keys.release_key(self.profile.id)
        return Tokeniser(used.key, self.profile.id, used.epoch)

    def _zip3_table(self) -> Zip3Table:
        include = self.county.settings.include
        return Zip3Table.read(include / "reference" / "zip3_population_2020.csv")

    def _keymaps(self) -> Path:
        """Return the folder of the keymaps that were made under the key in use."""
        used = self.county.keys.release_key(self.profile.id)
        return keymaps_of(self.county.zones, self.profile.id, used.epoch)

    def _keymap_name(self, night: date, run: LinkageRun) -> str:
        used = self.county.keys.release_key(self.profile.id)
        profile = self.profile.model_dump_json()
        inputs = (__version__, profile, used.label, run.persons_id)
        return state_id(night, inputs)

    def _keymap(
        self, night: date, run: LinkageRun, states: Sequence[FeedState]
    ) -> Keymap:
        states = self._taken(states)
        records = person_records(self.vault, states, needed_columns(self.profile))
        persons = {s.feed: r for s, r in zip(states, records, strict=True)}
        places = {}
        for state in states:
            store = StateStore(self.vault.zones, self.vault.keys, state.feed)
            if "place" in store.vault_tables(state.state_id):
                places[state.feed] = store.read_vault(state.state_id, "place")
        vault = PersonStore(self.vault)
        return build_keymap(
            persons,
            places,
            vault.read(run, "assignments"),
            self.profile,
            self._tokeniser(),
            self._zip3_table(),
            night,
            former=vault.former(run),
            threads=self.county.settings.threads,
            references=self.county.registry.references,
        )

    def _taken(self, states: Sequence[FeedState]) -> list[FeedState]:
        """Return the states of the feeds whose rows are in the release."""
        return [state for state in states if self.profile.takes(state.feed)]

    def _read_keymap(self, name: str) -> Keymap:
        key = self.county.keys.zone_key(KEYMAPS)
        return Keymap(
            *(
                read_table(self._keymaps() / name / f"{part}.parquet", key)
                for part in KEYMAP_TABLES
            )
        )

    # Steps inside the connection --------------------------------------------------

    def _deidentify(
        self,
        con: duckdb.DuckDBPyConnection,
        states: Sequence[FeedState],
        keymap: Keymap,
    ) -> None:
        contracts = self.county.registry.contracts
        used = {entity for c in contracts.values() for entity in entities(c)}
        check_prefixes({*used, "person", "place"})
        load_keymap(con, keymap)
        by_feed = {state.feed: state for state in self._taken(states)}
        rows = side_by_side(
            con,
            *(
                partial(self._deidentify_feed, contract, by_feed.get(feed), keymap)
                for feed, contract in sorted(contracts.items())
            ),
        )
        quietly("withhold places", withhold_followers, con, self.profile)
        rows = [row for row in rows if row is not None]
        con.register("_states", pa.Table.from_pylist(rows, schema=SOURCE_STATES))
        con.execute("CREATE TABLE source_states AS FROM _states")
        con.unregister("_states")

    def _deidentify_feed(
        self,
        contract: Contract,
        state: FeedState | None,
        keymap: Keymap,
        con: duckdb.DuckDBPyConnection,
    ) -> dict[str, Any] | None:
        """De-identify one feed; returns what its state was, if it ever had one."""
        tables = empty_content(contract)
        if state is not None:
            store = self._store(state.feed)
            tables = {
                t.name: store.read_content(state.state_id, t.name)
                for t in contract.tables
            }
        deidentify(
            con,
            contract,
            tables,
            keymap,
            self.profile,
            self._tokeniser(),
            self.county.registry.references,
        )
        if state is None:
            return None
        return {
            "feed": state.feed,
            "agency": contract.agency,
            "sector": contract.sector,
            "night": state.night,
            "carried": state.carried,
            "rows": sum(t.num_rows for t in tables.values()),
        }

    def _assaults(self, con: duckdb.DuckDBPyConnection, run: LinkageRun) -> None:
        """Give the curated SQL the linked assaults, if it reads them."""
        if any(ASSAULTS in table.reads for table in self.selected.made):
            contracts = self.county.registry.contracts
            pairs = AssaultStep(self.county).pairs(run)
            load_assaults(con, pairs, contracts, self._tokeniser())

    def _curate(self, con: duckdb.DuckDBPyConnection) -> tuple[CuratedTable, ...]:
        curate(con, self.selected.made)
        return self.selected.published

    def _compare_agencies(self, con: duckdb.DuckDBPyConnection, night: date) -> None:
        """Record how many of one agency's numbers another has: counts only."""
        checks = read_checks(self.county.settings.include / "sql" / "checks")
        results = run_checks(con, checks, night)
        ledger = self.county.ledger
        ledger.history.record_cross_checks(night, results.found)
        for name in results.skipped:
            ledger.record_event(
                "cross_check_skipped", night, check=name, profile=self.profile.id
            )

    def _tables(self, con: duckdb.DuckDBPyConnection) -> Mapping[str, pa.Table]:
        """Return the finished tables; publication puts their rows in order."""
        return {
            name: fetch(con, f"FROM {quoted(name)}") for name in self.profile.tables
        }

    # What is said of the release ----------------------------------------------------

    def _inputs(self, states: Sequence[FeedState]) -> tuple[dict[str, Any], ...]:
        inputs = []
        for state in states:
            contract = self.county.registry.contract(state.feed)
            description = self._store(state.feed).describe(state.state_id)
            inputs.append(
                {
                    "feed": state.feed,
                    "agency": contract.agency,
                    "sector": contract.sector,
                    "night": state.night.isoformat(),
                    "carried": state.carried,
                    "state_id": state.state_id,
                    "contract_version": description.contract_version,
                    "rows": sum(description.content.values()),
                }
            )
        return tuple(inputs)

    def _context(
        self,
        night: date,
        run: LinkageRun,
        states: Sequence[FeedState],
        run_id: str,
        risk: Mapping[str, Any],
    ) -> ReleaseContext:
        published = [as_published(table) for table in self.selected.published]
        dictionary = build_dictionary(published, self.county.registry, self.profile)
        return ReleaseContext(
            profile=self.profile.id,
            title=self.profile.title,
            basis=self.profile.basis,
            profile_digest=sha256(self.profile.model_dump_json().encode()).hexdigest(),
            night=night,
            inputs=self._inputs(states),
            persons_id=run.persons_id,
            code_version=__version__,
            dictionary_json=to_json(dictionary),
            dictionary_markdown=to_markdown(dictionary),
            dictionary_html=to_html(dictionary),
            created_at=now(),
            run_id=run_id,
            risks=(risk,),
            key_epoch=self.county.keys.release_key(self.profile.id).epoch,
        )

    def _record(
        self,
        release: Release,
        rows: Mapping[str, int],
        night: date,
        run: LinkageRun,
        states: Sequence[FeedState],
        risk: Mapping[str, Any],
    ) -> None:
        ledger, releases = self.county.ledger, self.county.zones.releases
        if not release.reused:
            ledger.record_release(
                ReleaseRecord(
                    profile=self.profile.id,
                    number=release.number,
                    night=night,
                    digest=release.content_digest,
                    persons_id=run.persons_id,
                    rows=rows,
                    inputs=self._inputs(states),
                    risk=risk,
                    at=created_at(releases, self.profile.id, release.number) or now(),
                )
            )
        ledger.record_event(
            "released",
            night,
            profile=self.profile.id,
            release=release.number,
            reused=release.reused,
        )
