"""Public figures, from three real nights: counted once, frozen, and never a person."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.demo.story import NIGHTS
from concord.disclosure.noise import SPENT
from concord.exceptions import DisclosureRefused, IntegrityError, NothingDue
from concord.pipeline.aggregating import AggregateStep
from concord.pipeline.county import County
from concord.publication.verify import verify
from concord.reporting.disclosure import read_disclosure
from concord.settings import Settings
from tests.support.approving import let_out

pytestmark = pytest.mark.xdist_group("nights")
LATER = date(2026, 1, 20)
"""A night on which the fourth quarter of 2025 has settled."""
QUARTERS = [f"2025-{month:02}-01" for month in (1, 4, 7, 10)]


@pytest.fixture(scope="module")
def home(nights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the three quarters that have settled, in a copy of the data root."""
    copy = tmp_path_factory.mktemp("public") / "home"
    shutil.copytree(nights.home, copy, symlinks=True)
    with pipeline.open_county(Settings(home=copy)) as county:
        pipeline.prepare_keymap(county, "public", NIGHTS[-1])
        made = pipeline.publish(county, "public", NIGHTS[-1], "a test")
        let_out(county, "public", made.number)
    return copy


@pytest.fixture
def county(home: Path) -> Iterator[County]:
    with pipeline.open_county(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def later(home: Path, tmp_path: Path) -> Iterator[County]:
    """Give a copy, in which another night has been linked."""
    copy = tmp_path / "home"
    shutil.copytree(home, copy, symlinks=True)
    with pipeline.open_county(Settings(home=copy)) as opened:
        pipeline.link(opened, LATER)
        yield opened


def release(home: Path, number: int = 1) -> Path:
    return home / "releases" / "public" / f"r{number:06d}"


def manifest(home: Path, number: int = 1) -> dict:
    return json.loads((release(home, number) / "manifest.json").read_text())


def test_settled_quarters_are_published_through_the_same_road(home: Path) -> None:
    assert verify(release(home)).ok
    assert (home / "releases/public/CURRENT").resolve() == release(home).resolve()
    table = pq.read_table(release(home) / "cross_system_overlap")
    assert {f"{d}" for d in table["quarter_start"].to_pylist()} == set(QUARTERS[:3])
    persons = table["persons"].drop_null().to_pylist()
    assert max(persons) > 50
    assert all(n % 5 == 0 and not 0 < n < 10 for n in persons)


def test_the_audit_of_every_table_and_period_stands_in_the_manifest(home: Path) -> None:
    (found,) = manifest(home)["risks"]
    assert found["periods"] == QUARTERS[:3]
    assert len(found["counts"]) == 2 * 3
    for counted in found["counts"]:
        audit = counted["audit"]
        assert audit["exact"] == 0
        assert audit["full_interval"] == audit["withheld"]
        assert sum(audit["widths"].values()) == audit["withheld"]
        assert counted["threshold"] == 11
    assert found["differencing"] == {"releases": 0, "figures": 0, "changed": 0}


def test_ledger_and_report_know_the_audit(county: County) -> None:
    (record,) = county.ledger.releases("public")
    assert record.risk["counts"][0]["audit"]["exact"] == 0
    page = pipeline.report(county, NIGHTS[-1])
    assert "Public figures" in page.read_text()


def test_the_disclosure_report_shows_the_audit(home: Path) -> None:
    report = read_disclosure(release(home), "Springfield County")
    assert len(report.audits) == 2 * 3
    assert {audit.table for audit in report.audits} == {
        "cross_system_overlap",
        "injury_gap",
    }
    assert all(audit.exact == 0 for audit in report.audits)


def test_nothing_of_a_person_leaves_not_even_a_token(home: Path) -> None:
    for path in release(home).rglob("*"):
        if path.suffix == ".parquet":
            text = json.dumps(pq.read_table(path).to_pylist(), default=str)
            assert "per_" not in text
    for name in ("cross_system_overlap", "injury_gap"):
        names = pq.read_schema(release(home) / name / "part-00000.parquet").names
        assert "person_token" not in names
    assert all("rows" not in entry for entry in manifest(home)["inputs"])


def test_a_quarter_that_is_out_is_never_counted_again(county: County) -> None:
    """The next night, and the same one, whatever has changed in the rows since."""
    for night in NIGHTS[1:]:
        with pytest.raises(NothingDue, match="are out in r000001 and frozen"):
            pipeline.prepare_keymap(county, "public", night)
        with pytest.raises(NothingDue, match="is counted from 2026-01-15 on"):
            pipeline.publish(county, "public", night, "another test")
    assert len(county.ledger.releases("public")) == 1


def test_a_figure_that_differs_from_what_is_out_is_refused(county: County) -> None:
    step = AggregateStep(county, "public")
    tables = dict(step.out[-1].tables)
    assert step._refuse_changed(tables)["changed"] == 0
    table = tables["cross_system_overlap"]
    persons = table["persons"].to_pylist()
    largest = persons.index(max(filter(None, persons)))
    persons[largest] += 5
    place = table.column_names.index("persons")
    tables["cross_system_overlap"] = table.set_column(
        place, "persons", pa.array(persons, pa.int64())
    )
    with pytest.raises(DisclosureRefused) as caught:
        step._refuse_changed(tables)
    assert "cross_system_overlap, 2025-" in str(caught.value)
    assert "1 figures differ from r000001, which is out and frozen" in str(caught.value)


def test_a_table_with_another_dimension_needs_another_name(later: County) -> None:
    step = AggregateStep(later, "public")
    out = step.out[-1]
    names = out.tables["injury_gap"].column_names
    earlier = out.tables["injury_gap"].rename_columns(
        ["kind" if name == "mechanism" else name for name in names]
    )
    step.out = (replace(out, tables={**out.tables, "injury_gap": earlier}),)
    step.prepare_keymap(LATER)
    with pytest.raises(DisclosureRefused, match="Give the changed table a new name"):
        step.publish(LATER, "a test")
    assert not release(later.settings.home, 2).exists()


def test_without_the_newest_release_nothing_is_published(
    home: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home, copy, symlinks=True)
    for path in (copy / "releases/public").rglob("*"):
        path.chmod(0o750 if path.is_dir() else 0o640)
    shutil.rmtree(release(copy))
    with (
        pipeline.open_county(Settings(home=copy)) as county,
        pytest.raises(IntegrityError, match="r000001: is gone, and with it what is"),
    ):
        pipeline.publish(county, "public", LATER, "a test")


def test_noise_spends_a_budget_that_the_ledger_keeps(
    nights, tmp_path: Path, monkeypatch
) -> None:
    """Three quarters at 0.3 fit into a release; a fourth table of theirs would not."""
    copy = tmp_path / "home"
    shutil.copytree(nights.home, copy, symlinks=True)
    with pipeline.open_county(Settings(home=copy)) as county:
        step = with_epsilon(AggregateStep(county, "public"), 0.3, monkeypatch)
        step.prepare_keymap(NIGHTS[-1])
        let_out(county, "public", step.publish(NIGHTS[-1], "a test").number)
        losses = county.ledger.history.events(SPENT)
        assert [(e.facts["period"], e.facts["epsilon"]) for e in losses] == [
            (quarter, 0.3) for quarter in QUARTERS[:3]
        ]
        table = pq.read_table(release(copy) / "cross_system_overlap")
        assert table["persons"].null_count == 0
        assert any(n % 5 for n in table["persons"].to_pylist())


def test_noise_beyond_the_budget_is_refused(
    nights, tmp_path: Path, monkeypatch
) -> None:
    copy = tmp_path / "home"
    shutil.copytree(nights.home, copy, symlinks=True)
    with pipeline.open_county(Settings(home=copy)) as county:
        step = with_epsilon(AggregateStep(county, "public"), 0.5, monkeypatch)
        step.prepare_keymap(NIGHTS[-1])
        with pytest.raises(DisclosureRefused, match=r"loss of 1\.5 in a release"):
            step.publish(NIGHTS[-1], "a test")
        assert county.ledger.history.events(SPENT) == ()
    assert not release(copy).exists()


def with_epsilon(step: AggregateStep, epsilon: float, monkeypatch) -> AggregateStep:
    """Return the step with noise on one table, and without its rule of rounding."""
    marts = step._marts

    def changed(tables):
        return [
            replace(mart, rule=mart.rule.model_copy(update={"epsilon": epsilon}))
            if mart.name == "cross_system_overlap"
            else mart
            for mart in marts(tables)
        ]

    monkeypatch.setattr(step, "_marts", changed)
    # The suite of the real table says that its counts are rounded; these are not.
    monkeypatch.setattr("concord.pipeline.release_checks._validate", lambda *_: None)
    return step


def test_the_next_quarter_joins_what_is_out_unchanged(later: County) -> None:
    home = later.settings.home
    pipeline.prepare_keymap(later, "public", LATER)
    made = pipeline.publish(later, "public", LATER, "a test")
    assert made.number == 2
    let_out(later, "public", made.number)
    (found,) = manifest(home, 2)["risks"]
    assert found["periods"] == QUARTERS
    assert found["differencing"]["releases"] == 1
    assert found["differencing"]["figures"] > 0
    for name in ("cross_system_overlap", "injury_gap"):
        before = pq.read_table(release(home) / name).to_pylist()
        now = pq.read_table(release(home, 2) / name).to_pylist()
        frozen = [row for row in now if row["quarter_start"] < date(2025, 10, 1)]
        assert frozen == before
        assert len(now) > len(before)
