"""Scores kept in the vault: used for a week, checked, renewed, never needed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from concord.exceptions import IntegrityError
from concord.landing.records import LinkageRun
from concord.linkage.rulings import Rulings
from concord.linkage.settings import PersonModel
from concord.pipeline.person_store import RUN, RUNS
from concord.pipeline.rescoring import (
    NODES,
    SCORING,
    KeptScores,
    Rescored,
    forget_scores,
)
from tests.unit.linkage.conftest import NIGHT

KEY = bytes(range(32))


class Vault:
    """Runs nights and keeps of them what the linkage step keeps."""

    def __init__(self, folder: Path, model: PersonModel) -> None:
        self.folder = folder
        self.model = model
        self.scores = KeptScores(folder, KEY)
        self.before: LinkageRun | None = None

    def night(self, number: int, records: pa.Table, **told: Any) -> Rescored:
        night, name = NIGHT + timedelta(days=number), f"run{number}"
        rescored = self.scores.link(
            records,
            self.model,
            persons_id=name,
            night=night,
            before=self.before,
            threads=2,
            **told,
        )
        (self.folder / name).mkdir()
        self.scores.save(rescored, self.folder / name, name)
        self.scores.forget_others(rescored)
        self.before = _run(night, name, rescored)
        return rescored

    def kept_in(self) -> set[str]:
        return {path.parent.name for path in self.folder.glob("*/scored_*")}


def _run(night: date, name: str, rescored: Rescored) -> LinkageRun:
    measures = {SCORING: rescored.measures}
    return LinkageRun(night, name, 1, 1, "1", {}, measures, datetime.now(UTC))


def _strangers(clusters: pa.Table) -> tuple[str, str]:
    """Return two records that the model takes for two persons."""
    columns = clusters.to_pydict()
    keys, persons = columns["record_key"], columns["cluster_id"]
    other = next(n for n, person in enumerate(persons) if person != persons[0])
    return keys[0], keys[other]


@pytest.fixture
def vault(tmp_path: Path, model: PersonModel) -> Vault:
    return Vault(tmp_path, model)


@pytest.fixture
def records(springfield: tuple[pa.Table, pa.Table]) -> pa.Table:
    return springfield[0].slice(0, 600)


def test_a_week_goes_back_to_one_full_run_and_ends_with_another(
    vault: Vault, records: pa.Table
) -> None:
    first = vault.night(0, records.slice(0, 580))
    assert first.measures["in"] == "run0"
    second = vault.night(1, records)
    assert second.measures["in"] == "run0"
    assert second.measures["since"] == NIGHT.isoformat()
    assert 0 < second.measures["compared"] < first.measures["compared"]
    assert vault.kept_in() == {"run0"}
    last = vault.night(7, records)
    assert last.measures["in"] == "run7"
    assert last.measures["differing"] == 0
    assert last.result.clusters == second.result.clusters
    assert vault.kept_in() == {"run7"}


def test_the_control_counts_what_differs(vault: Vault, records: pa.Table) -> None:
    result = vault.night(0, records).result
    assert result.scored is not None
    lost = replace(result.scored, pairs=result.scored.pairs.slice(0, 0))
    damaged = Rescored(replace(result, scored=lost), {})
    vault.scores.save(damaged, vault.folder / "run0", "run0")
    assert vault.night(7, records).measures["differing"] > 0


def test_without_kept_scores_a_night_is_run_in_full(
    vault: Vault, records: pa.Table
) -> None:
    vault.night(0, records)
    for path in vault.folder.glob("*/scored_*"):
        path.unlink()
    assert vault.night(1, records).measures["in"] == "run1"


def test_scores_that_cannot_be_written_are_told(
    vault: Vault, records: pa.Table
) -> None:
    rescored = vault.night(0, records)
    nowhere = vault.folder / "nowhere"
    with pytest.raises(FileNotFoundError), vault.scores.saving(rescored, nowhere, "x"):
        pass


def test_kept_scores_go_with_a_destroyed_state_that_they_hold(
    vault: Vault, records: pa.Table
) -> None:
    vault.night(0, records)
    assert vault.before is not None
    run = replace(vault.before, inputs={"school": "s1", "police_rms": "p1"})
    (vault.folder / "run0" / RUN).write_bytes(RUNS.dump_json(run))
    forget_scores(vault.folder, "school", ["s0", "p1"])
    assert vault.kept_in() == {"run0"}
    forget_scores(vault.folder, "school", ["s0", "s1"])
    assert vault.kept_in() == set()
    assert vault.night(1, records).measures["in"] == "run1"


def test_people_and_last_night_count_in_the_control_too(
    vault: Vault, records: pa.Table
) -> None:
    first = vault.night(0, records).result
    one, other = _strangers(first.clusters)
    told = {
        "previous": first.clusters.rename_columns(["record_key", "person_id"]),
        "rulings": Rulings(joined=frozenset({(one, other)})),
    }
    short = vault.night(1, records, **told)
    whole = vault.night(7, records, **told)
    assert (short.measures["in"], whole.measures["in"]) == ("run0", "run7")
    assert whole.measures["differing"] == 0
    for rescored in (short, whole):
        columns = rescored.result.clusters.to_pydict()
        home = dict(zip(columns["record_key"], columns["cluster_id"], strict=True))
        assert home[one] == home[other]


def test_another_model_is_run_in_full(vault: Vault, records: pa.Table) -> None:
    vault.night(0, records)
    vault.model = vault.model.model_copy(update={"version": "another"})
    rescored = vault.night(1, records)
    assert rescored.measures["in"] == "run1"
    assert "differing" not in rescored.measures


def test_kept_scores_are_sealed_and_bound_to_their_run(
    vault: Vault, records: pa.Table
) -> None:
    vault.night(0, records)
    names = {str(name).upper().encode() for name in records["last_name"].to_pylist()}
    for path in (vault.folder / "run0").iterdir():
        content = path.read_bytes()
        assert not any(name in content for name in names if len(name) > 5)
    (vault.folder / "run0").rename(vault.folder / "moved")
    with pytest.raises(IntegrityError, match="does not open"):
        vault.scores.read("moved")
    assert (vault.folder / "moved" / NODES).is_file()
