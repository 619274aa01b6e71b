"""Assaults that hospital and police both know: linked, kept, counted, published."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.demo.story import NIGHTS
from concord.exceptions import ConfigError, LinkageError
from concord.landing.records import LinkageRun
from concord.pipeline.assaults import FOLDER, AssaultStep
from concord.pipeline.county import County
from concord.sealing import read_table, write_table
from concord.settings import Settings

pytestmark = pytest.mark.xdist_group("nights")
NIGHT = NIGHTS[-1]
CANARY = "Zaphod"


@pytest.fixture
def copied(nights, tmp_path: Path) -> Iterator[County]:
    """A copy of the three nights that a test may change."""
    home = tmp_path / "home"
    shutil.copytree(nights.home, home, symlinks=True)
    with pipeline.open_county(Settings(home=home)) as opened:
        yield opened


def linked(county: County) -> tuple[LinkageRun, list[dict[str, str]]]:
    run = county.ledger.linkage_as_of(NIGHT)
    assert run is not None
    pairs = AssaultStep(county).pairs(run)
    assert pairs is not None
    return run, pairs.to_pylist()


def counted(county: County) -> list[dict[str, int]]:
    events = county.ledger.history.events("assaults_linked")
    return [dict(event.facts) for event in events if event.night == NIGHT]


def test_every_night_links_and_counts_the_assaults(county: County, nights) -> None:
    _, pairs = linked(county)
    (counts,) = {json.dumps(facts, sort_keys=True) for facts in counted(county)}
    assert json.loads(counts)["linked"] == len(pairs) > 0
    truth = pq.read_table(nights.root / "truth" / f"{NIGHT}" / "assault.parquet")
    true = {tuple(row.values()) for row in truth.to_pylist()}
    found = {(row["encounter_id"], row["incident_id"]) for row in pairs}
    assert len(found & true) >= 0.8 * len(found)


def test_a_release_holds_the_pairs_as_tokens_alone(county: County, nights) -> None:
    _, pairs = linked(county)
    release = nights.profile / "CURRENT"
    rows = pq.read_table(release / "reported_assault").to_pylist()
    assert len(rows) == len(pairs)
    encounters = pq.read_table(release / "encounter")["encounter_id"].to_pylist()
    incidents = pq.read_table(release / "incident")["incident_id"].to_pylist()
    assert {row["encounter_id"] for row in rows} <= set(encounters)
    assert {row["incident_id"] for row in rows} <= set(incidents)


def test_the_report_says_how_many_the_police_know_of(county: County) -> None:
    page = pipeline.report(county, NIGHT)
    assert "Assaults that hospital and police both know" in page.read_text()
    assert "assaults,,,2" in (page.parent / "index.csv").read_text()


def test_linking_again_changes_nothing(copied: County) -> None:
    before = {path: path.read_bytes() for path in _kept(copied)}
    facts = counted(copied)[-1]
    pipeline.link(copied, NIGHT)
    assert {path: path.read_bytes() for path in _kept(copied)} == before
    assert counted(copied)[-1] == facts


def test_no_release_without_the_pairs_that_it_should_hold(copied: County) -> None:
    shutil.rmtree(copied.zones.content / FOLDER)
    with pytest.raises(LinkageError, match="assaults have not been linked"):
        pipeline.publish(copied, "research", NIGHT, "a test")
    pipeline.link(copied, NIGHT)
    assert pipeline.publish(copied, "research", NIGHT, "a test").reused


def test_without_a_hospital_there_is_nothing_to_link(copied: County) -> None:
    shutil.rmtree(copied.zones.content / FOLDER)
    others = {k: c for k, c in copied.registry.contracts.items() if k != "hospital"}
    alone = replace(copied, registry=replace(copied.registry, contracts=others))
    assert AssaultStep(alone).run(NIGHT) is None
    assert not (copied.zones.content / FOLDER).exists()


def test_an_error_of_the_engine_shows_no_value(copied: County) -> None:
    run, _ = linked(copied)
    shutil.rmtree(copied.zones.content / FOLDER)
    state = run.inputs["hospital"]
    path = copied.zones.content / "hospital" / state / "encounter.parquet"
    key = copied.keys.zone_key("content")
    table = read_table(path, key)
    at = table.schema.names.index("started_at")
    spoilt = table.set_column(at, "started_at", pa.array([CANARY] * table.num_rows))
    write_table(spoilt, path, key)
    with pytest.raises(LinkageError, match="LINKAGE_FAILED") as caught:
        AssaultStep(copied).run(NIGHT)
    error: BaseException | None = caught.value
    while error is not None:
        assert CANARY not in str(error)
        error = error.__cause__ or error.__context__
    assert not (copied.zones.content / FOLDER).exists() or not _kept(copied)


def test_pairs_of_a_destroyed_state_are_destroyed(copied: County) -> None:
    run, _ = linked(copied)
    step, kept = AssaultStep(copied), len(_kept(copied))
    step.forget("hospital", {"another"})
    assert len(_kept(copied)) == kept
    step.forget("hospital", {run.inputs["hospital"]})
    assert len(_kept(copied)) < kept
    with pytest.raises(LinkageError, match="assaults have not been linked"):
        step.pairs(run)


def test_evaluated_on_truth_and_shown(
    copied: County, nights, monkeypatch: pytest.MonkeyPatch, wide: None
) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(copied.settings.home))
    truth = nights.root / "truth" / NIGHT.isoformat() / "assault.parquet"
    words = ["linkage", "evaluate", "--assaults", str(truth)]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    assert "recall" in answer.output
    assert "Measured against known truth" in pipeline.report(copied, NIGHT).read_text()


def test_a_wrong_gazetteer_is_refused_before_anything_is_linked(
    copied: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = len(list((copied.zones.vault / "persons").iterdir()))
    addresses = tmp_path / "addresses.csv"
    wrong = copied.settings.model_copy(update={"gazetteer": addresses})
    for content, told in (
        (None, "no such gazetteer"),
        (f"street,zip\n{CANARY},1\n".encode(), "without gazetteer_id, city"),
        (
            b"gazetteer_id,street,city,zip\n1,\xff\xfe" + CANARY.encode(),
            "can't be read",
        ),
    ):
        if content is not None:
            addresses.write_bytes(content)
        with pytest.raises(ConfigError, match=told) as caught:
            pipeline.link(replace(copied, settings=wrong), NIGHT)
        assert CANARY not in str(caught.value)
        monkeypatch.setenv("CONCORD_GAZETTEER", str(addresses))
        answer = CliRunner().invoke(app, ["doctor"])
        assert answer.exit_code == 1
        assert "gazetteer" in answer.output
    assert len(list((copied.zones.vault / "persons").iterdir())) == persons


def _kept(county: County) -> list[Path]:
    return sorted((county.zones.content / FOLDER).rglob("*.parquet"))
