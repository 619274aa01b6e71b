"""A new linkage model: compared first, then promoted by a person, never silently.

The model in force is that of the newest linkage, or one promoted since. A model file
that is neither stops the night.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import LinkageError
from concord.landing.history import Event
from concord.landing.records import LinkageRun
from concord.linkage.churn import LIMIT, churn
from concord.linkage.decisions import in_force, refused, rulings_of
from concord.linkage.identity import assign_person_ids
from concord.linkage.prediction import link
from concord.linkage.rulings import NOTHING_RULED, Rulings
from concord.linkage.settings import PersonModel, load_model
from concord.linkage.versions import model_digest
from concord.pipeline.county import County
from concord.pipeline.deciding import DecisionLog
from concord.pipeline.person_store import PersonStore
from concord.pipeline.states import person_records, states_of
from concord.settings import new_keys

COMPARED, PROMOTED = "model_compared", "model_promoted"
MODEL = "model"


@dataclass(frozen=True)
class Comparison:
    """What a model would make of the newest night, beside what is in force."""

    digest: str
    version: str
    version_in_force: str
    night: date
    records: int
    persons_before: int
    persons_after: int
    changed: int
    share: float
    merged: int
    split: int
    largest_cluster: int
    possible: int
    decisions: int
    decisions_met: int


def limit_of_churn(
    county: County, before: LinkageRun | None, digest: str, night: date
) -> float:
    """Return how much may change tonight, once the model is known to be permitted.

    A promoted model may change on its first night what its comparison showed, and a
    night's own share on top.

    Raises:
        LinkageError: ``MODEL_NOT_PROMOTED``: the model file is not the one in force.
    """
    if before is None:
        return LIMIT
    active = before.measures.get(MODEL)
    if digest == active:
        return LIMIT
    promoted = _newest(county, PROMOTED, lambda e: e.night <= night)
    if promoted is not None and promoted.facts["digest"] == digest:
        return LIMIT + float(promoted.facts["share"])
    raise LinkageError(
        "MODEL_NOT_PROMOTED",
        f"the linkage model has changed since {before.night} (version "
        f"{before.model_version}) and nobody has promoted it",
        "Put the former files back, or run `concord linkage compare` and `promote`; "
        "the last persons stay in force",
    )


def compare_model(county: County, folder: Path | None = None) -> Comparison:
    """Link the newest night with a model, beside its ids; changes no id.

    The ledger keeps what came of it: only a model that was compared can be promoted.
    """
    store = PersonStore(county)
    run = store.newest()
    model = load_model(folder or county.settings.include / "linkage")
    records = pa.concat_tables(
        person_records(county, states_of(county, run)), promote_options="permissive"
    )
    assigned = store.read(run, "assignments")
    held = in_force(DecisionLog(county).read(), date.max)
    with county.zones.workspace("linkage") as scratch:

        def linked(rulings: Rulings) -> Any:
            return link(
                records,
                model,
                night=run.night,
                threads=county.settings.threads,
                memory_limit=county.settings.memory_limit,
                scratch=scratch,
                previous=assigned,
                rulings=rulings,
            )

        result = linked(rulings_of(held))
        unaided = linked(NOTHING_RULED) if held else result
    assignment = assign_person_ids(
        result.clusters, assigned, new_keys, store.read(run, "retired"),
        store.former(run),
    )  # fmt: skip
    kinds = assignment.events["kind"].to_pylist()
    moved = churn(assignment.assignments, assigned)
    comparison = Comparison(
        digest=model_digest(model),
        version=model.version,
        version_in_force=run.model_version,
        night=run.night,
        records=records.num_rows,
        persons_before=run.persons,
        persons_after=pc.count_distinct(assignment.assignments["person_id"]).as_py(),
        changed=moved.changed,
        share=moved.share,
        merged=kinds.count("merged"),
        split=kinds.count("split"),
        largest_cluster=result.largest_cluster,
        possible=result.possible.num_rows,
        decisions=len(held),
        decisions_met=_met(unaided.clusters, rulings_of(held)),
    )
    facts = {k: v for k, v in vars(comparison).items() if k != "night"}
    county.ledger.record_event(COMPARED, run.night, persons_id=run.persons_id, **facts)
    return comparison


def promote_model(
    county: County, folder: Path | None = None, *, reason: str, by: str
) -> PersonModel:
    """Let a model link from the next night on; the ledger keeps who decided and why.

    Raises:
        LinkageError: ``MODEL_NOT_COMPARED``: nobody has seen what it would change, or
            another night has been linked since.
    """
    if not reason.strip() or not by.strip():
        raise refused("a promotion needs a reason and a role", "Give both")
    run = PersonStore(county).newest()
    model = load_model(folder or county.settings.include / "linkage")
    digest = model_digest(model)
    compared = _newest(
        county,
        COMPARED,
        lambda e: (
            e.facts["digest"] == digest and e.facts["persons_id"] == run.persons_id
        ),
    )
    if compared is None:
        raise LinkageError(
            "MODEL_NOT_COMPARED",
            f"version {model.version} has not been compared with the persons of "
            f"{run.night}",
            "Run `concord linkage compare` and read what it would change",
        )
    county.ledger.record_event(
        PROMOTED,
        run.night + timedelta(days=1),
        digest=digest,
        version=model.version,
        instead_of=run.measures.get(MODEL),
        share=compared.facts["share"],
        reason=reason,
        by=by,
    )
    return model


def _newest(county: County, kind: str, wanted: Callable[[Event], bool]) -> Event | None:
    events = [e for e in county.ledger.history.events(kind) if wanted(e)]
    return events[-1] if events else None


def _met(clusters: pa.Table, rulings: Rulings) -> int:
    """Count the decisions that the model reaches by itself."""
    cluster = dict(
        zip(
            clusters["record_key"].to_pylist(),
            clusters["cluster_id"].to_pylist(),
            strict=True,
        )
    )

    def together(pair: tuple[str, str]) -> bool:
        return pair[0] in cluster and cluster[pair[0]] == cluster.get(pair[1])

    return sum(together(pair) for pair in rulings.joined) + sum(
        not together(pair) for pair in rulings.parted
    )
