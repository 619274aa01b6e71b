"""The linkage step: every feed's person records into persons with lasting ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord import __version__
from concord.contracts.decisions import LINKAGE, NOTHING_DECIDED
from concord.exceptions import LinkageError
from concord.landing.records import FeedState, LinkageRun, now
from concord.linkage.churn import Churn, churn
from concord.linkage.decisions import Decision, in_force, rulings_of
from concord.linkage.encoded import (
    EncodedSettings,
    Joined,
    apart,
    join_encoded,
    load_encoded_settings,
)
from concord.linkage.history import dated, ended
from concord.linkage.identity import Assignment, assign_person_ids
from concord.linkage.person_events import explained, ids_of
from concord.linkage.prediction import LinkResult
from concord.linkage.review import review_queue
from concord.linkage.settings import PersonModel, load_model
from concord.linkage.versions import model_digest
from concord.pipeline.county import County
from concord.pipeline.deciding import DecisionLog
from concord.pipeline.person_store import RUN, RUNS, PersonStore, read_run
from concord.pipeline.promoting import MODEL, limit_of_churn
from concord.pipeline.rescoring import SCORING, KeptScores, Rescored
from concord.pipeline.states import person_records, states_as_of
from concord.pprl.keys import LinkageKey, load_key
from concord.settings import new_keys
from concord.validation.states import state_id
from concord.zones import appearing, write_bytes

CHURN_RULE = "churn:persons"


@dataclass(frozen=True)
class _Night:
    """What a night's linkage is made from."""

    night: date
    states: list[FeedState]
    model: PersonModel
    digest: str
    encoded: EncodedSettings
    label: str
    before: LinkageRun | None
    decisions: tuple[Decision, ...]
    decisions_before: tuple[Decision, ...]
    churn_limit: float

    def name(self) -> str:
        """Return the name of the linkage, made from all that it depends on."""
        parts = [
            __version__,
            self.digest,
            self.encoded.model_dump_json(),
            self.label,
            self.before.persons_id if self.before else "",
            *(f"decision {d.number}" for d in self.decisions),
            *(s.state_id for s in self.states),
        ]
        return state_id(self.night, parts)

    def newly_decided(self) -> set[str]:
        """Return the records about which a decision begins or ends tonight."""
        changed = {*self.decisions} ^ {*self.decisions_before}
        return {key for decision in changed for key in decision.pair}


@dataclass(frozen=True)
class _Linked:
    """A night's records in clusters, those without names too, and last night's ids."""

    records: pa.Table
    previous: pa.Table | None
    rescored: Rescored
    joined: Joined


class LinkStep:
    """Links the vault's person records as of a night."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.store = PersonStore(county)
        self.scores = KeptScores(self.store.folder, self.store.key)
        lent = county.settings.linkage_key
        self.linkage_key = None if lent is None else load_key(lent)

    def run(self, night: date) -> str:
        """Link, give lasting ids, keep them in the vault; returns the run's name.

        Raises:
            LinkageError: There is nothing to link, the model was not promoted, or the
                result could merge strangers or changed too many ids.
        """
        try:
            tonight = self._tonight(night)
            name = tonight.name()
            if not (self.store.folder / name).is_dir():
                self._make(name, tonight)
        except LinkageError as error:
            self.county.ledger.record_event("linkage_held", night, code=error.code)
            raise
        self.county.ledger.record_linkage(read_run(self.store.folder / name))
        return name

    def _tonight(self, night: date) -> _Night:
        states = states_as_of(self.county, night)
        if not states:
            raise LinkageError(
                "NOTHING_TO_LINK",
                f"no feed has ever been checked up to {night}",
                "Run the ingest DAGs first",
            )
        folder = self.county.settings.include / "linkage"
        model, encoded = load_model(folder), load_encoded_settings(folder)
        digest = model_digest(model)
        before = self.county.ledger.linkage_as_of(night - timedelta(days=1))
        log = DecisionLog(self.county).read()
        return _Night(
            night=night,
            states=states,
            model=model,
            digest=digest,
            encoded=encoded,
            label=_label(encoded, self.linkage_key),
            before=before,
            decisions=in_force(log, night),
            decisions_before=in_force(log, before.night) if before else (),
            churn_limit=limit_of_churn(self.county, before, digest, night),
        )

    def _make(self, name: str, tonight: _Night) -> None:
        records = pa.concat_tables(
            person_records(self.county, tonight.states), promote_options="permissive"
        )
        linked = self._link(records, name, tonight)
        with (
            appearing(self.store.folder / name) as folder,
            self.scores.saving(linked.rescored, folder, name),
        ):
            run = self._fill(folder, name, tonight, linked)
            write_bytes(folder / RUN, RUNS.dump_json(run, indent=2))
        self.scores.forget_others(linked.rescored)

    def _fill(
        self, folder: Path, name: str, tonight: _Night, linked: _Linked
    ) -> LinkageRun:
        """Give ids to a night's clusters and write them; returns what is told of it."""
        before, records, result = tonight.before, linked.records, linked.rescored.result
        assignment = assign_person_ids(
            linked.joined.clusters,
            linked.previous,
            new_keys,
            self.store.read_if_any(before, "retired"),
            self.store.former(before) if before else None,
        )
        moved = churn(assignment.assignments, linked.previous)
        self._brake(moved, tonight)
        tables = self._tables(name, tonight, assignment, linked.previous)
        queue = review_queue(
            result.possible, assignment.assignments, rulings_of(tonight.decisions)
        )
        tables |= {"review": queue}
        tables["assignments"] = _with_feed(tables["assignments"], records)
        for part, table in tables.items():
            self.store.write(folder, name, part, table)
        return LinkageRun(
            night=tonight.night,
            persons_id=name,
            records=records.num_rows,
            persons=pc.count_distinct(assignment.assignments["person_id"]).as_py(),
            model_version=tonight.model.version,
            inputs={s.feed: s.state_id for s in tonight.states},
            measures={
                **_measures(records, result, linked.joined, assignment, moved),
                "possible": queue.num_rows,
                "decisions": len(tonight.decisions),
                MODEL: tonight.digest,
                SCORING: linked.rescored.measures,
            },
            at=now(),
        )

    def _link(self, records: pa.Table, name: str, tonight: _Night) -> _Linked:
        settings = self.county.settings
        previous = self.store.read_if_any(tonight.before, "assignments")
        named, nameless = apart(records)
        with self.county.zones.workspace("linkage") as scratch:
            rescored = self.scores.link(
                named,
                tonight.model,
                persons_id=name,
                night=tonight.night,
                before=tonight.before,
                threads=settings.threads,
                memory_limit=settings.memory_limit,
                scratch=scratch,
                previous=previous,
                rulings=rulings_of(tonight.decisions),
            )
        clusters = rescored.result.clusters
        joined = join_encoded(
            clusters, named, nameless, tonight.encoded, self.linkage_key
        )
        return _Linked(records, previous, rescored, joined)

    def _tables(
        self,
        name: str,
        tonight: _Night,
        assignment: Assignment,
        previous: pa.Table | None,
    ) -> dict[str, pa.Table]:
        """Return what the vault keeps of the ids: tonight's, and how they came."""
        ids, before = assignment.assignments, tonight.before
        history = self.store.read_if_any(before, "history")
        return {
            "assignments": dated(ids, previous, tonight.night),
            "history": ended(history, ids, previous, tonight.night),
            "retired": assignment.retired,
            "events": explained(
                assignment.events,
                decided=ids_of(tonight.newly_decided(), ids, previous),
                model_changed=before is not None
                and before.measures.get(MODEL) != tonight.digest,
                night=tonight.night,
                run=name,
            ),
        }

    def _brake(self, moved: Churn, tonight: _Night) -> None:
        """Stop where too many records would have another id; unless exempted.

        Raises:
            LinkageError: ``PERSONS_CHURN``; yesterday's persons stay in force.
        """
        if not moved.exceeds(tonight.churn_limit):
            return
        decisions = self.county.registry.decisions.get(LINKAGE, NOTHING_DECIDED)
        exemption = decisions.exemption(CHURN_RULE, tonight.night)
        if exemption is None:
            raise LinkageError(
                "PERSONS_CHURN",
                f"{moved.changed} of {moved.records} records would have another "
                f"person id ({moved.share:.2%}, the limit is "
                f"{tonight.churn_limit:.2%}; rule {CHURN_RULE})",
                "Look at what changed in the newest deliveries and in the code; the "
                "last persons stay in force. If it is right, exempt the rule for the "
                "night in include/exemptions/linkage.yaml",
            )
        until = exemption.expires.isoformat()
        self.county.ledger.record_event(
            "exempted", tonight.night, rule=CHURN_RULE, until=until
        )


def _label(encoded: EncodedSettings, key: LinkageKey | None) -> str:
    """Return what tells with which key, if any, named records are encoded."""
    return "" if key is None else key.label(encoded.mode, encoded.fields)


def _with_feed(assignments: pa.Table, records: pa.Table) -> pa.Table:
    places = pc.index_in(assignments["record_key"], records["record_key"])
    return assignments.add_column(1, "feed", records["feed"].take(places))


def _measures(
    records: pa.Table,
    result: LinkResult,
    joined: Joined,
    assignment: Assignment,
    moved: Churn,
) -> dict[str, Any]:
    """Return the counts that the ledger keeps of a linkage; no value from a row."""
    return {
        "records_by_feed": _counted(records["feed"]),
        "pairs": dict(result.pairs),
        "set_aside": dict(result.set_aside),
        "encoded": {feed: dict(counts) for feed, counts in joined.counts.items()},
        "largest_cluster": result.largest_cluster,
        "seconds": {part: round(s, 3) for part, s in result.seconds.items()},
        "events": _counted(assignment.events["kind"]),
        "churn": {
            "records": moved.records,
            "changed": moved.changed,
            "share": moved.share,
        },
    }


def _counted(column: Iterable[Any]) -> dict[str, int]:
    """Count how often each value stands in a column."""
    counts = pc.value_counts(column).to_pylist()
    return {count["values"]: count["counts"] for count in counts}
