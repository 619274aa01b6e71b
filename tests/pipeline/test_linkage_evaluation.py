"""`concord linkage`: measured on truth and on a judged sample, shown in the report."""

import csv
import io
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.demo.story import NIGHTS
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import scan_tree
from concord.pipeline.county import County
from concord.sealing import read_table
from concord.settings import Settings

pytestmark = pytest.mark.xdist_group("nights")
runner = CliRunner()
NIGHT = NIGHTS[-1]


@pytest.fixture
def county(
    nights, tmp_path: Path, wide: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[County]:
    """A copy of the three nights that a test may add to."""
    home = tmp_path / "home"
    shutil.copytree(nights.home, home)
    monkeypatch.setenv("CONCORD_HOME", str(home))
    with pipeline.open_county(Settings(home=home)) as opened:
        yield opened


def run(*words: str, fails: bool = False) -> str:
    answer = runner.invoke(app, ["linkage", *words])
    assert answer.exit_code == int(fails), answer.output
    return answer.output


def truth_files(nights) -> list[str]:
    folder = nights.root / "truth" / NIGHT.isoformat()
    truth, traits = folder / "record_person.parquet", folder / "person.parquet"
    return ["--truth", str(truth), "--traits", str(traits)]


def identities(county: County, nights) -> set[str]:
    """Return names, numbers and keys that must stand nowhere outside the vault."""
    rows = nights.records(county, NIGHT)
    kinds = ("ssn", "phone", "email", "state_id", "record_key", "source_id", "street")
    return {row[kind] for row in rows for kind in kinds if row[kind]}


def leaked(county: County, nights, text: str) -> set[str]:
    found = {value for value in identities(county, nights) if len(value) > 6}
    return {value for value in found if value in text}


def fill_in(path: Path, answer) -> None:
    """Judge a sample as a person with a spreadsheet would."""
    lines = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    at = lines[0].index("same_person")
    for line in lines[1:]:
        line[at] = answer(int(line[0]))
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    path.write_text(text.getvalue(), "utf-8")


def test_measured_on_truth_and_shown_in_the_report(county: County, nights) -> None:
    page = pipeline.report(county, NIGHT)
    assert "not measured" in page.read_text()
    assert "concord linkage sample" in page.read_text()
    told = run("evaluate", "--no-curve", *truth_files(nights))
    page = pipeline.report(county, NIGHT)
    text = page.read_text()
    assert "Missed and false links by pair of agencies" in text
    assert "Recall by name origin" in text
    assert "concord linkage sample" not in text
    csv_text = (page.parent / "index.csv").read_text()
    assert "linkage quality,,,hospital and police_rms,recall," in csv_text
    for shown in (told, text, csv_text, (page.parent / "index.json").read_text()):
        assert not leaked(county, nights, shown)
    (event,) = county.ledger.history.events("linkage_evaluated")
    assert not leaked(county, nights, str(event.facts))
    assert event.facts["measured"]["pairs"]["precision"]["value"] > 0.99


def test_measured_on_a_sample_that_people_judged(county: County, nights) -> None:
    place = run("sample", "--pairs", "120", "--seed", "3").split("to be judged: ")[1]
    path = Path(place.strip())
    assert path.is_relative_to(county.zones.vault)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    run("sample", "--pairs", "120", "--seed", "3", fails=True)
    assert "no pair has been judged" in run("evaluate", fails=True)

    sample = read_table(
        path.parent / "pairs.parquet", county.keys.zone_key("vault")
    ).to_pylist()
    person = {
        (r["feed"], r["source_id"]): r["person"]
        for r in nights.truth(NIGHT).to_pylist()
    }
    of_key = {
        r["record_key"]: person.get((r["feed"], r["source_id"]), r["record_key"])
        for r in nights.records(county, NIGHT)
    }
    same = [of_key[pair["one"]] == of_key[pair["other"]] for pair in sample]
    fill_in(path, lambda n: "unsure" if n == 0 else "Yes" if same[n] else "no")
    told = run("evaluate")
    assert f"{len(sample) - 1} of {len(sample)} pairs judged, 1 left open" in told
    text = pipeline.report(county, NIGHT).read_text()
    assert f"Judged by people on {len(sample) - 1} pairs" in text
    assert not leaked(county, nights, told + text)
    (event,) = county.ledger.history.events("linkage_evaluated")
    assert event.facts["measured"]["pairs"]["precision"]["value"] > 0.98


def test_an_answer_that_is_none_is_named_by_its_line(county: County) -> None:
    place = run("sample", "--pairs", "20").split("to be judged: ")[1]
    fill_in(Path(place.strip()), lambda n: "perhaps" if n == 2 else "")
    told = run("evaluate", fails=True)
    assert "line 4: same_person is none of yes, no and unsure" in told
    assert "perhaps" not in told


def test_without_truth_and_sample_linkage_is_not_measured(county: County) -> None:
    assert "not measured" in run("evaluate", fails=True)
    assert "no sample 'x'" in run("sample", "--pairs", "20") + run(
        "evaluate", "--sample", "x", fails=True
    )


def test_a_truth_file_of_the_wrong_kind_shows_no_value(
    county: County, tmp_path: Path
) -> None:
    wrong = tmp_path / "truth.csv"
    wrong.write_text("agency,number,name\npolice_rms,1,Zaphod\n")
    told = run("evaluate", "--truth", str(wrong), fails=True)
    assert "It needs the columns feed, source_id and person" in told
    assert "Zaphod" not in told
    wrong.write_text("feed,source_id,person\npolice_rms,none-such,1\n")
    assert "names none of" in run("evaluate", "--truth", str(wrong), fails=True)


def test_the_simulated_county_is_a_declared_data_set(
    nights, tmp_path: Path, wide: None
) -> None:
    page = tmp_path / "linkage.html"
    told = run(
        "evaluate", "--dataset", "simulator", "--folder", str(nights.root),
        "--no-curve", "--to", str(page),
    )  # fmt: skip
    assert "gap in recall by name origin" in told
    assert "data set simulator" in page.read_text()
    truth = pq.read_table(
        nights.root / "truth" / "2026-01-05" / "record_person.parquet"
    )
    assert truth.num_rows > 1000


def test_places_are_matched_counted_and_shown(county: County, nights) -> None:
    gazetteer = nights.root / "gazetteer" / f"{NIGHT}.csv"
    told = run("places", "--gazetteer", str(gazetteer))
    assert "police_rms: " in told
    page = pipeline.report(county, NIGHT)
    text = page.read_text()
    assert "Places that a map can show" in text
    assert "places,police_rms,,,share," in (page.parent / "index.csv").read_text()
    assert not leaked(county, nights, told + text)
    key = county.keys.zone_key("vault")
    (kept, *_) = sorted((county.zones.vault / "places").glob("*/matches.parquet"))
    assert set(read_table(kept, key).column_names) == {
        "place_key",
        "gazetteer_id",
        "score",
        "how",
    }
    run("places", fails=True)


def test_no_canary_in_what_is_measured(
    county: County, nights, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Page, charts, terminal, log, ledger, report and model files hold no identity."""
    out = tmp_path / "out"
    out.mkdir()
    gazetteer = nights.root / "gazetteer" / f"{NIGHT}.csv"
    told = run("places", "--gazetteer", str(gazetteer))
    told += run("sample", "--pairs", "40")
    page = out / "linkage.html"
    told += run("evaluate", *truth_files(nights), "--to", str(page))
    (out / "terminal.txt").write_text(told + caplog.text)
    pipeline.report(county, NIGHT)
    tokens = [t for canary in nights.canaries() for t in canary["tokens"]]
    dictionary = Dictionary.from_vault([], tokens=tokens)
    home = county.zones.home
    model = Settings().include / "linkage"
    roots = [out, home / "reports", home / "releases", home / "ledger.db", model]
    assert page.stat().st_size > 10_000
    assert scan_tree(roots, dictionary) == ()
    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "sample.csv").write_text(f"first_name_1\n{tokens[0]}\n")
    assert scan_tree([seen], dictionary), "the scan can see"
