"""What every release of a county says of its risk, and one that is too risky."""

import json
import shutil
from dataclasses import replace

import pytest

from concord import pipeline
from concord.contracts.risk import ClassLimits
from concord.demo.story import NIGHTS
from concord.exceptions import RiskRefused
from concord.publication.reading import current, history

pytestmark = pytest.mark.xdist_group("nights")


def test_every_release_says_how_its_people_stand_out(nights) -> None:
    for release in history(nights.home / "releases", "research"):
        (risk,) = json.loads((release.path / "manifest.json").read_text())["risks"]
        measured = {one["id"]: one for one in risk["sets"]}

        assert measured["person"]["before"]["k"] == risk["k_before"]
        assert measured["person"]["before"]["at_risk"] == risk["records_at_risk"]
        assert measured["person"]["after"]["k"] == risk["k_after"] >= 11
        assert measured["person"]["after"]["at_risk"] == 0
        assert measured["arrest"]["after"]["persons"] > 0
        assert risk["joined"]["after"]["persons"] == risk["records"]
        assert 0 < risk["trajectories"]["after"]["persons"] <= risk["records"]


def test_every_release_has_a_disclosure_report(nights) -> None:
    reports = nights.home / "reports" / "releases" / "research"

    assert sorted(path.name for path in reports.iterdir()) == [
        "r000001", "r000002", "r000003",
    ]  # fmt: skip
    for report in reports.iterdir():
        said = json.loads((report / "index.json").read_text())
        assert said["scan_findings"] == 0
        assert {column["table"] for column in said["columns"]} > {"person", "arrest"}
        assert "Disclosure report" in (report / "index.html").read_text()


def test_a_release_above_a_limit_is_refused_and_the_last_one_stays(
    nights, tmp_path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(nights.home, home, symlinks=True)
    before = current(home / "releases", "research")
    settings = nights.settings.model_copy(update={"home": home})
    with pipeline.open_county(settings) as county:
        profile = county.registry.profile("research")
        strict = profile.risk.model_copy(
            update={"trajectories": ClassLimits(uniqueShare=0)}
        )
        changed = profile.model_copy(update={"risk": strict})
        registry = replace(county.registry, profiles={"research": changed})
        strict_county = replace(county, registry=registry)
        pipeline.prepare_keymap(strict_county, "research", NIGHTS[-1])

        with pytest.raises(RiskRefused, match="trajectories: uniqueShare") as refused:
            pipeline.publish(strict_county, "research", NIGHTS[-1], "too risky")

    assert refused.value.code == "RISK_ABOVE_LIMIT"
    assert current(home / "releases", "research") == before
    assert len(history(home / "releases", "research")) == 3
    assert list((home / "scratch").iterdir()) == []
