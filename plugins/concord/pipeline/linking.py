"""The linkage step: every feed's person records into persons with lasting ids."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from concord import __version__
from concord.exceptions import IntegrityError, LinkageError
from concord.landing.records import FeedState, LinkageRun, now
from concord.linkage.identity import Assignment, assign_person_ids
from concord.linkage.prediction import LinkResult
from concord.linkage.settings import PersonModel, load_model
from concord.pipeline.county import County
from concord.pipeline.rescoring import SCORING, KeptScores
from concord.sealing import read_table, write_table
from concord.settings import new_keys
from concord.validation.states import StateStore, state_id
from concord.zones import appearing, write_bytes

PERSONS = "persons"
RUN = "run.json"
RUNS = TypeAdapter(LinkageRun)


class LinkStep:
    """Links the vault's person records as of a night."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.folder = county.zones.vault / PERSONS
        self.key = county.keys.zone_key("vault")

    def run(self, night: date) -> str:
        """Link, give lasting ids, keep them in the vault; returns the run's name.

        Raises:
            LinkageError: There is nothing to link, or the result could merge strangers.
        """
        states = states_as_of(self.county, night)
        if not states:
            raise LinkageError(
                "NOTHING_TO_LINK",
                f"no feed has ever been checked up to {night}",
                "Run the ingest DAGs first",
            )
        model = load_model(self.county.settings.include / "linkage")
        before = self.county.ledger.linkage_as_of(night - timedelta(days=1))
        persons_id = self._name(night, states, model, before)
        if not (self.folder / persons_id).is_dir():
            self._make(persons_id, night, states, model, before)
        self.county.ledger.record_linkage(read_run(self.folder / persons_id))
        return persons_id

    def _name(
        self,
        night: date,
        states: list[FeedState],
        model: PersonModel,
        before: LinkageRun | None,
    ) -> str:
        parts = [
            __version__,
            model.model_dump_json(),
            before.persons_id if before else "",
        ]
        return state_id(night, [*parts, *(s.state_id for s in states)])

    def _make(
        self,
        persons_id: str,
        night: date,
        states: list[FeedState],
        model: PersonModel,
        before: LinkageRun | None,
    ) -> None:
        records = pa.concat_tables(
            person_records(self.county, states), promote_options="permissive"
        )
        settings = self.county.settings
        scores = KeptScores(self.folder, self.key)
        with self.county.zones.workspace("linkage") as scratch:
            rescored = scores.link(
                records,
                model,
                persons_id=persons_id,
                night=night,
                before=before,
                threads=settings.threads,
                memory_limit=settings.memory_limit,
                scratch=scratch,
            )
        result = rescored.result
        previous = self._read(before, "assignments")
        assignment = assign_person_ids(
            result.clusters, previous, new_keys, self._read(before, "retired")
        )
        with appearing(self.folder / persons_id) as folder:
            for name, table in (
                ("assignments", _with_feed(assignment.assignments, records)),
                ("events", assignment.events),
                ("retired", assignment.retired),
            ):
                write_table(
                    table, folder / f"{name}.parquet", self.key, place=persons_id
                )
            scores.save(rescored, folder, persons_id)
            made = LinkageRun(
                night=night,
                persons_id=persons_id,
                records=records.num_rows,
                persons=pc.count_distinct(assignment.assignments["person_id"]).as_py(),
                model_version=model.version,
                inputs={s.feed: s.state_id for s in states},
                measures=_measures(records, result, assignment)
                | {SCORING: rescored.measures},
                at=now(),
            )
            write_bytes(folder / RUN, RUNS.dump_json(made, indent=2))
        scores.forget_others(rescored)

    def _read(self, run: LinkageRun | None, name: str) -> pa.Table | None:
        if run is None:
            return None
        return read_table(self.folder / run.persons_id / f"{name}.parquet", self.key)


def read_run(folder: Path) -> LinkageRun:
    """Read what the vault keeps of a linkage; raises IntegrityError if it is gone."""
    try:
        return RUNS.validate_json((folder / RUN).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise IntegrityError(
            f"persons/{folder.name}: the linkage's description is missing or "
            f"unreadable ({type(error).__name__})"
        ) from None


def states_as_of(county: County, night: date) -> list[FeedState]:
    """Return every feed's last good state as of a night, carried forward or not."""
    states = [
        county.ledger.state_as_of(feed, night)
        for feed in sorted(county.registry.contracts)
    ]
    return [state for state in states if state is not None]


def person_records(county: County, states: Sequence[FeedState]) -> list[pa.Table]:
    """Return the person records of each feed's state, read side by side."""

    def read(state: FeedState) -> pa.Table:
        store = StateStore(county.zones, county.keys, state.feed)
        return store.read_vault(state.state_id, "person")

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(read, states))


def _with_feed(assignments: pa.Table, records: pa.Table) -> pa.Table:
    places = pc.index_in(assignments["record_key"], records["record_key"])
    return assignments.add_column(1, "feed", records["feed"].take(places))


def _measures(
    records: pa.Table, result: LinkResult, assignment: Assignment
) -> dict[str, Any]:
    """Return the counts that the ledger keeps of a linkage; no value from a row."""
    feeds = pc.value_counts(records["feed"]).to_pylist()
    kinds = pc.value_counts(assignment.events["kind"]).to_pylist()
    return {
        "records_by_feed": {f["values"]: f["counts"] for f in feeds},
        "pairs": dict(result.pairs),
        "set_aside": dict(result.set_aside),
        "largest_cluster": result.largest_cluster,
        "seconds": {part: round(s, 3) for part, s in result.seconds.items()},
        "events": {k["values"]: k["counts"] for k in kinds},
    }
