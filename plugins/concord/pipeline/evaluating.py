"""Measuring the linkage in force against known truth.

What was measured is an event of the ledger, as counts and rates, for the report.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from concord.duck import literal
from concord.exceptions import ConcordError
from concord.landing.records import FeedState, LinkageRun
from concord.linkage.datasets import TRUTH, KnownPersons
from concord.linkage.evaluation import Agreement
from concord.linkage.events import PAIR, compare_events
from concord.linkage.measuring import (
    EVALUATIONS,
    Evaluation,
    evaluate_linkage,
    threshold_curve,
)
from concord.linkage.settings import PersonModel, load_model
from concord.pipeline.assaults import AssaultStep
from concord.pipeline.county import County
from concord.pipeline.person_store import PERSONS
from concord.pipeline.states import person_records
from concord.sealing import read_table

EVALUATED = "linkage_evaluated"
ASSAULTS_EVALUATED = "assaults_evaluated"


@dataclass(frozen=True)
class InForce:
    """The linkage in force on a night: its records, groups and model."""

    run: LinkageRun
    records: pa.Table
    assignments: pa.Table
    model: PersonModel


def in_force(county: County, night: date | None) -> InForce:
    """Read the newest linkage up to a night; raises ConcordError if there is none."""
    run = county.ledger.linkage_as_of(night or date.max)
    if run is None:
        raise ConcordError(
            f"nothing was linked up to {night or 'now'}. Run the nights first"
        )
    model = load_model(county.settings.include / "linkage")
    if model.version != run.model_version:
        raise ConcordError(
            f"the persons of {run.night} were linked by model {run.model_version}, the "
            f"model is {model.version} now. Link a night with it first"
        )
    states = [
        FeedState(feed, run.night, state, carried=False)
        for feed, state in run.inputs.items()
    ]
    records = pa.concat_tables(
        person_records(county, states), promote_options="permissive"
    )
    path = county.zones.vault / PERSONS / run.persons_id / "assignments.parquet"
    return InForce(run, records, read_table(path, county.keys.zone_key("vault")), model)


def evaluate_on_truth(
    county: County,
    truth: Path,
    traits: Path | None,
    night: date | None,
    seed: int,
    *,
    curve: bool = True,
) -> Evaluation:
    """Measure the linkage in force against a file of feed, source_id and person.

    Args:
        county: The county whose linkage is measured.
        truth: Who each record is, as CSV or Parquet.
        traits: What each person is: ``person`` and one column a trait.
        night: The night; the newest if None.
        seed: Makes the intervals repeatable.
        curve: Whether to link again at every threshold.
    """
    linked = in_force(county, night)
    settings = county.settings
    known = _known(linked.records, truth, traits)
    if known.truth.num_rows == 0:
        raise ConcordError(
            f"{truth}: names none of the {linked.records.num_rows:,} records that were "
            "linked. Give the feed and the agency's own number of each record"
        )
    points = (
        threshold_curve(
            known,
            linked.model,
            linked.run.night,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
        )
        if curve
        else ()
    )
    found = evaluate_linkage(
        known,
        linked.assignments,
        data="known truth",
        night=linked.run.night,
        model=linked.model,
        seed=seed,
        curve=points,
    )
    return recorded(county, linked.run.night, found)


def evaluate_assaults(county: County, truth: Path, night: date | None) -> Agreement:
    """Measure the linked assaults against a file of encounter_id and incident_id."""
    run = county.ledger.linkage_as_of(night or date.max)
    pairs = None if run is None else AssaultStep(county).pairs(run)
    if run is None or pairs is None:
        raise ConcordError(
            f"no assaults were linked up to {night or 'now'}. It takes a night of the "
            "hospital and of the police"
        )
    names = ", ".join(f"{name}::VARCHAR AS {name}" for name in PAIR)
    with duckdb.connect() as con:
        known = _query(con, truth, f"SELECT {names} FROM {{file}}", " and ".join(PAIR))
    found = compare_events(pairs, known)
    county.ledger.record_event(
        ASSAULTS_EVALUATED,
        run.night,
        true=found.true,
        found=found.found,
        correct=found.correct,
    )
    return found


def _known(records: pa.Table, truth: Path, traits: Path | None) -> KnownPersons:
    """Bring the truth's agency numbers together with the vault's record keys."""
    with duckdb.connect() as con:
        con.register("record", records.select(["record_key", "feed", "source_id"]))
        who = _query(
            con,
            truth,
            "SELECT DISTINCT ON (record_key) record_key, person::VARCHAR AS person "
            "FROM record INNER JOIN {file} USING (feed, source_id) ORDER BY record_key",
            "feed, source_id and person",
        )
        what = traits and _query(
            con,
            traits,
            "SELECT person::VARCHAR AS person, COLUMNS(* EXCLUDE (person))::VARCHAR "
            "FROM {file}",
            "person and one column a trait",
        )
    return KnownPersons(records, who.cast(TRUTH), what or None)


def _query(
    con: duckdb.DuckDBPyConnection, path: Path, query: str, columns: str
) -> pa.Table:
    """Run a query over a CSV or Parquet file; an engine's message can hold a value."""
    read = "read_parquet({})" if path.suffix == ".parquet" else "read_csv({}, {})"
    file = read.format(literal(str(path)), "all_varchar = true")
    try:
        return con.sql(query.format(file=file)).to_arrow_table()
    except duckdb.Error as error:
        kind = type(error).__name__
    raise ConcordError(
        f"{path}: can't be read ({kind}). It needs the columns {columns}, as CSV or "
        "Parquet"
    )


def recorded(county: County, night: date, found: Evaluation) -> Evaluation:
    """Keep what was measured in the ledger, for the report."""
    facts = EVALUATIONS.dump_python(found, mode="json")
    county.ledger.record_event(EVALUATED, night, measured=facts)
    return found
