"""Linking only what has changed gives what linking everything gives, on any night."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from concord.linkage.prediction import LinkResult, link
from concord.linkage.rulings import Rulings
from concord.linkage.scoring import Scored
from concord.linkage.settings import PersonModel, load_model
from concord.linkage.standardise import LINKAGE
from simulator.county import County
from tests.support.linkage_data import PERSON_RECORD, county

START = date(2026, 1, 5)
CHANGED = ("first_name", "last_name", "birth_date", "ssn", "street", "phone", "feed")


@pytest.fixture(scope="module")
def model() -> PersonModel:
    return load_model(LINKAGE)


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Return the records of a small county, in random order."""
    root = tmp_path_factory.mktemp("county")
    County(seed=11, persons=500, events=500, first_night=START).write_night(root, 0)
    records, _ = county(root, START.isoformat())
    order = np.random.default_rng(0).permutation(records.num_rows)
    return records.take(order).to_pylist()


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=PERSON_RECORD)


def changed(
    rows: list[dict[str, object]],
    waiting: list[dict[str, object]],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Return a night's records: some gone, some come, some with another's value."""
    stayed = [dict(row) for row in rows if rng.random() > 0.03]
    come = [waiting.pop() for _ in range(min(len(waiting), int(rng.integers(30))))]
    for row in stayed:
        if rng.random() < 0.04:
            column = CHANGED[rng.integers(len(CHANGED))]
            row[column] = stayed[rng.integers(len(stayed))][column]
    if rng.random() < 0.5:  # common names get rarer, or rare ones common
        name = stayed[rng.integers(len(stayed))]["first_name"]
        for row in stayed[: int(rng.integers(40))]:
            row["first_name"] = name
    return [*stayed, *come]


def outcome(result: LinkResult) -> tuple[object, ...]:
    found = result.clusters, result.possible, result.pairs
    return *found, result.largest_cluster, result.set_aside


def decided(clusters: pa.Table, rng: np.random.Generator) -> Rulings:
    """Return decisions that join some records and part some persons."""
    keys = clusters["record_key"].to_pylist()
    homes = zip(keys, clusters["cluster_id"].to_pylist(), strict=True)
    together = sorted((home, key) for key, home in homes if home != key)
    apart = rng.choice(len(together), 3, replace=False)
    drawn = rng.choice(keys, (3, 2), replace=False).tolist()
    return Rulings(
        joined=frozenset((min(pair), max(pair)) for pair in drawn),
        parted=frozenset(together[n] for n in apart.tolist()),
    )


@pytest.mark.parametrize("seed", range(3))
def test_linking_changes_equals_linking_everything(
    seed: int, everybody: list[dict[str, object]], model: PersonModel
) -> None:
    rng = np.random.default_rng(seed)
    waiting = everybody[500:]
    rows = everybody[:500]
    # Somebody is born after the first night: unknown then, known later.
    rows[0] = {**rows[0], "birth_date": START + timedelta(days=1)}
    before = link(table(rows), model, night=START, keep_scores=True)
    kept = before.scored
    for days in range(1, 3):
        rows = changed(rows, waiting, rng)
        night = START + timedelta(days=days)
        rulings = decided(before.clusters, rng)
        shuffled = [rows[place] for place in rng.permutation(len(rows))]
        whole, part = (
            link(
                table(tonight),
                model,
                night=night,
                threads=threads,
                kept=scores,
                keep_scores=True,
                previous=before.clusters.rename_columns(["record_key", "person_id"]),
                rulings=rulings,
            )
            for tonight, threads, scores in ((rows, 1, None), (shuffled, 2, kept))
        )
        assert outcome(part) == outcome(whole)
        assert 0 < part.compared < whole.compared
        if seed % 2:  # kept from night to night, or from the first night on
            kept = part.scored
        before = whole


def test_what_was_kept_holds_no_frequency_of_its_night(
    everybody: list[dict[str, object]], model: PersonModel
) -> None:
    kept = link(table(everybody[:300]), model, keep_scores=True).scored
    assert kept is not None
    tenfold = [
        {**row, "record_key": f"{row['record_key']}/{copy}", "ssn": None, "phone": None}
        for row in everybody[:300]
        for copy in range(6)
    ]
    rows = [*everybody[:300], *tenfold]
    whole, part = (link(table(rows), model, kept=k) for k in (None, kept))
    assert outcome(part) == outcome(whole)


def test_nothing_changed_scores_nothing(
    everybody: list[dict[str, object]], model: PersonModel
) -> None:
    first = link(table(everybody), model, night=START, keep_scores=True)
    again = link(table(everybody), model, night=START, kept=first.scored)
    assert outcome(again) == outcome(first)
    assert again.compared == 0


def unserving(
    kept: Scored, model: PersonModel
) -> dict[str, tuple[Scored, PersonModel]]:
    stricter = model.guard.model_copy(update={"ssn_distance": 1})
    return {
        "another version of the code": (replace(kept, fingerprint="other"), model),
        "another guard": (kept, model.model_copy(update={"guard": stricter})),
    }


@pytest.mark.parametrize("case", ["another version of the code", "another guard"])
def test_what_another_model_scored_is_not_used(
    case: str, everybody: list[dict[str, object]], model: PersonModel
) -> None:
    rows = table(everybody[:400])
    kept = link(rows, model, keep_scores=True).scored
    assert kept is not None
    kept, model = unserving(kept, model)[case]
    assert link(rows, model, kept=kept).compared > 0


def test_kept_scores_do_not_serve_half_as_many_records(
    everybody: list[dict[str, object]], model: PersonModel
) -> None:
    kept = link(table(everybody[:400]), model, keep_scores=True).scored
    assert kept is not None
    assert kept.serves(model, 260)
    assert not kept.serves(model, 200)
    whole, part = (link(table(everybody[:199]), model, kept=k) for k in (None, kept))
    assert outcome(part) == outcome(whole)
    assert part.compared == whole.compared
