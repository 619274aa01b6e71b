"""Linkage as a whole: quality, determinism, silence, refusal."""

import logging
import traceback
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from concord.exceptions import LinkageError
from concord.linkage import prediction
from concord.linkage.evaluation import evaluate
from concord.linkage.prediction import link
from concord.linkage.settings import PersonModel
from tests.support.linkage_data import FOUR_AGENCIES, PERSON_RECORD, four_agencies
from tests.unit.linkage.conftest import NIGHT

needs_four_agencies = pytest.mark.skipif(
    not FOUR_AGENCIES.is_dir(), reason="needs ../shared/data/linkage_four_agencies"
)


def test_a_simulated_county_is_linked_precisely(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> None:
    records, truth = springfield
    result = link(records, model, night=NIGHT, threads=2)
    quality = evaluate(result.clusters, truth)
    assert quality.records == records.num_rows == result.clusters.num_rows
    assert quality.precision >= 0.997
    assert quality.recall >= 0.98
    assert result.largest_cluster <= 10
    assert set(result.seconds) == {"standardise", "predict", "guard", "cluster"}
    assert result.pairs["link"] > result.pairs["review"] > 0


@needs_four_agencies
def test_four_agencies_are_linked_better_than_by_rules(model: PersonModel) -> None:
    records, truth = four_agencies()
    quality = evaluate(link(records, model, threads=2).clusters, truth)
    assert quality.pairs_true == 4138
    assert quality.f1 >= 0.990
    assert quality.precision >= 0.995
    for precision, recall in ((1.000, 0.804), (0.974, 0.987)):
        assert quality.f1 > 2 * precision * recall / (precision + recall)


def test_the_same_records_give_the_same_clusters_in_any_order(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> None:
    records = springfield[0].slice(0, 2500)
    shuffled = records.take(np.random.default_rng(3).permutation(records.num_rows))
    first = link(records, model, night=NIGHT, threads=1)
    second = link(shuffled, model, night=NIGHT, threads=2, memory_limit="1GB")
    assert first.clusters == second.clusters
    assert first.pairs == second.pairs


def test_a_cluster_is_named_by_its_smallest_record_key(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> None:
    clusters = link(springfield[0].slice(0, 1000), model, threads=2).clusters
    for rows in clusters.group_by("cluster_id").aggregate([("record_key", "min")]):
        assert rows is not None
    smallest = clusters.group_by("cluster_id").aggregate([("record_key", "min")])
    assert smallest["cluster_id"].to_pylist() == smallest["record_key_min"].to_pylist()


@pytest.mark.parametrize("count", [0, 1])
def test_few_records_are_linked_too(count: int, model: PersonModel) -> None:
    rows = [{"record_key": f"r{n}", "first_name": "Ann"} for n in range(count)]
    result = link(pa.Table.from_pylist(rows, schema=PERSON_RECORD), model)
    assert result.clusters["record_key"].to_pylist() == [f"r{n}" for n in range(count)]
    assert result.pairs["link"] == 0
    assert result.largest_cluster == count


def test_linkage_is_silent_and_leaves_no_file(
    springfield: tuple[pa.Table, pa.Table],
    model: PersonModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    link(springfield[0].slice(0, 800), model, threads=2)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_an_engine_error_never_shows_a_value(
    springfield: tuple[pa.Table, pa.Table],
    model: PersonModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("Could not convert string 'Secretname' to INT32")

    monkeypatch.setattr(prediction, "judge", fail)
    with pytest.raises(LinkageError) as caught:
        link(springfield[0].slice(0, 200), model, threads=2)
    assert caught.value.code == "LINKAGE_FAILED"
    assert "ValueError in part 'guard' with 200 records" in str(caught.value)
    assert caught.value.__context__ is None
    assert "Secretname" not in "".join(traceback.format_exception(caught.value))


def test_one_giant_cluster_is_refused(
    springfield: tuple[pa.Table, pa.Table], model: PersonModel
) -> None:
    guard = model.guard.model_copy(update={"max_cluster_size": 2, "strict_weight": 0})
    with pytest.raises(LinkageError, match="GIANT_CLUSTER"):
        link(springfield[0], model.model_copy(update={"guard": guard}), threads=2)
