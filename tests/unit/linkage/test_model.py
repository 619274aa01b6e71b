"""The versioned model: settings by hand, weights by training, one for the other."""

import json
import logging
import re
import shutil
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pytest

from concord.exceptions import ConfigError
from concord.linkage.settings import (
    MODEL_FILE,
    SETTINGS_FILE,
    PersonModel,
    load_model,
    load_settings,
    scored_levels,
)
from concord.linkage.standardise import LINKAGE
from concord.linkage.training import SESSIONS, train
from tests.unit.linkage.conftest import NIGHT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (SETTINGS_FILE, MODEL_FILE):
        shutil.copy(LINKAGE / name, tmp_path)
    return tmp_path


def test_every_level_of_the_committed_model_is_trained(model: PersonModel) -> None:
    settings = load_settings(LINKAGE)
    assert model.version == settings.version
    levels = list(scored_levels(model.settings))
    wanted = sum(len(item.levels) - 1 for item in settings.comparisons)
    assert len(levels) == wanted
    for _, level in levels:
        assert 0 < level["u_probability"] <= 1
        assert 0 < level["m_probability"] <= 1


def test_agreement_weighs_for_and_disagreement_against(model: PersonModel) -> None:
    for comparison in model.settings["comparisons"]:
        _, best, *_, worst = comparison["comparison_levels"]
        assert best["m_probability"] > best["u_probability"]
        assert worst["m_probability"] < worst["u_probability"]


def test_race_and_ethnicity_are_not_compared(model: PersonModel) -> None:
    text = json.dumps(dict(model.settings)).lower()
    assert "race" not in text
    assert "ethnicity" not in text


def test_the_prior_falls_with_the_number_of_records(model: PersonModel) -> None:
    name = "probability_two_random_records_match"
    small, large = (model.for_records(count)[name] for count in (1001, 100_001))
    assert small == pytest.approx(100 * large)
    assert model.for_records(1)[name] <= 0.5
    assert name not in model.settings


def test_a_model_trained_for_other_comparisons_is_refused(folder: Path) -> None:
    path = folder / SETTINGS_FILE
    path.write_text(path.read_text("utf-8").replace("0.88", "0.89"), "utf-8")
    with pytest.raises(ConfigError, match="train the model again"):
        load_model(folder)


def test_thresholds_and_guard_can_change_without_training(folder: Path) -> None:
    path = folder / SETTINGS_FILE
    text = path.read_text("utf-8").replace(
        "max_cluster_size: 60", "max_cluster_size: 9"
    )
    path.write_text(text, "utf-8")
    assert load_model(folder).guard.max_cluster_size == 9


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (SETTINGS_FILE, "version: '1'\n"),
        (SETTINGS_FILE, "thresholds: ["),
        (MODEL_FILE, "{"),
    ],
)
def test_a_broken_file_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=name):
        load_model(folder)


def test_a_missing_model_is_named(folder: Path) -> None:
    (folder / MODEL_FILE).unlink()
    with pytest.raises(ConfigError, match=MODEL_FILE):
        load_model(folder)


def test_an_unknown_setting_is_refused(folder: Path) -> None:
    with (folder / SETTINGS_FILE).open("a", encoding="utf-8") as file:
        file.write("treshold: 3\n")
    with pytest.raises(ConfigError, match="treshold"):
        load_settings(folder)


def test_training_is_repeatable_and_needs_no_truth(
    springfield: tuple[pa.Table, pa.Table], tmp_path: Path
) -> None:
    settings = load_settings(LINKAGE)
    shutil.copy(LINKAGE / SETTINGS_FILE, tmp_path)
    first, second = (
        train(springfield[0], settings, seed=1, night=NIGHT, max_pairs=2e5, threads=2)
        for _ in range(2)
    )
    assert first.weights == second.weights
    saved = json.loads(first.save(tmp_path).read_text("utf-8"))
    assert load_model(tmp_path) == first.model
    assert saved["trained_on"] == {
        "records": springfield[0].num_rows,
        "night": "2026-01-05",
        "seed": 1,
        "random_pairs": 200_000,
        "sessions": list(SESSIONS),
        "splink": version("splink"),
    }


def test_records_without_any_ssn_can_train_too(
    springfield: tuple[pa.Table, pa.Table],
) -> None:
    records = springfield[0].slice(0, 2000)
    column = records.schema.get_field_index("ssn")
    nothing = pa.nulls(records.num_rows, pa.string())
    trained = train(
        records.set_column(column, "ssn", nothing),
        load_settings(LINKAGE),
        seed=1,
        night=NIGHT,
        max_pairs=1e5,
        threads=2,
    )
    assert trained.weights["dob"]["exact"]["m"] > 0.8
    assert trained.trained_on.records == 2000
    assert "l.ssn = r.ssn" not in trained.trained_on.sessions


def test_training_writes_down_nobody(
    springfield: tuple[pa.Table, pa.Table],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the model's file nor the log of its making holds a value of a record."""
    caplog.set_level(logging.DEBUG)
    records = springfield[0]
    trained = train(
        records, load_settings(LINKAGE), seed=1, night=NIGHT, max_pairs=1e5, threads=2
    )
    said = trained.save(tmp_path).read_text("utf-8") + caplog.text
    said += "".join(capfd.readouterr())
    words = set(re.findall(r"[\w@.'-]+", said.upper()))
    rows = records.to_pylist()
    values = {
        str(row[name]).upper()
        for row in rows
        for name in ("last_name", "ssn", "phone", "email", "state_id", "source_id")
        if row[name]
    }
    assert len(values) > 5000
    assert words & values == set()
    assert [
        row["street"] for row in rows if row["street"] and row["street"] in said
    ] == []
