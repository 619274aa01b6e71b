"""The disclosure report of a release: what it says, in words, tables and pictures."""

import json
from pathlib import Path
from typing import Any

import pytest

from concord.exceptions import IntegrityError
from concord.reporting.disclosure import Audited, read_disclosure
from concord.reporting.disclosure_charts import figures
from concord.reporting.rendering import disclosure_html, page_json
from concord.zones import Zones
from tests.support.releases import publish_night
from tests.unit.reporting.reading import Reader
from tests.unit.reporting.three_nights import FIRST, HOSTILE, SECOND, County

COUNTY = "Springfield County"


def column(name: str, treatment: str = "Kept.") -> dict[str, Any]:
    return {"name": name, "type": "VARCHAR", "description": "A column.", "key": False,
            "sources": ["police_rms.person.sex"], "treatment": treatment}  # fmt: skip


def table(name: str, *columns: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": "d", "grain": "g", "key": [], "owner": "o",
            "disclosure": "d", "columns": list(columns)}  # fmt: skip


DICTIONARY = {
    "profile": "research", "title": "Research release", "audience": "Analysts",
    "basis": "45 CFR", "tables": [
        table("person", column("sex"), column("zip3", "3 digits."), column("state")),
        table("arrest", column("sex"), column("what", HOSTILE)),
    ],
}  # fmt: skip


def moment(**changes: Any) -> dict[str, Any]:
    return {"persons": 2000, "classes": 300, "k": 2, "unique": 3, "at_risk": 400,
            "mean_risk": 0.15, **changes}  # fmt: skip


VALUES = {"column": "in_hospital", "l": 1, "entropy_l": 1.23456, "t": 0.51234,
          "delta": 2.0, "beta": 3.5, "homogeneous": 100}  # fmt: skip
RISK = {
    "table": "person", "quasi_identifiers": ["sex", "zip3"], "k_required": 11,
    "k_before": 1, "k_after": 12, "records": 2000, "records_at_risk": 400,
    "generalised": 390, "suppressed": 10, "suppressed_share": 0.005,
    "touched_share": 0.2, "classes": 250, "classes_before": 300, "unique_before": 3,
    "changed": {"sex": 0, "zip3": 400}, "information_loss": 0.1,
    "sets": [
        {"id": "person", "table": "person", "quasi_identifiers": ["sex", "zip3"],
         "k": 11, "limits": {"k": 11, "t": 0.6}, "before": moment(),
         "after": moment(k=12, unique=0, at_risk=0, values=[VALUES]),
         "population_before": {"k": 9, "unique": 1},
         "population_after": {"k": 900, "unique": 0}},
        {"id": "arrests", "table": "arrest", "quasi_identifiers": ["sex"],
         "k": 5, "limits": {}, "before": moment(persons=20, at_risk=20),
         "after": moment(persons=20, at_risk=20)},
    ],
    "trajectories": {"k": 11, "limits": {"uniqueShare": 0.05},
                     "after": moment(persons=1000, unique=20, at_risk=260)},
    "scan": {"identifiers": 184233, "findings": 0},
}  # fmt: skip


def released(home: Path, risk: dict[str, Any] | None = None) -> Path:
    """Publish a release that says this of its risk; returns its folder."""
    zones = Zones(home)
    zones.prepare()
    return publish_night(
        zones.releases,
        dictionary_json=json.dumps(DICTIONARY),
        risks=(RISK,) if risk is None else (risk,),
    ).path


def reader(home: Path, risk: dict[str, Any] | None = None) -> Reader:
    return Reader(disclosure_html(read_disclosure(released(home, risk), COUNTY)))


def test_it_says_how_people_were_hidden_and_what_it_cost(tmp_path: Path) -> None:
    page = reader(tmp_path)

    assert page.faults == []
    assert (
        "The smallest group of people alike was fewer than 8 before, and is 12 in the "
        "release; 11 are required. 184,235 names and numbers of the vault were looked "
        "for in every cell; 0 were found." in page.text
    )
    assert (
        "20.0% of the people lost something, in 1 column: zip3. Of all the values by "
        "which people are alike, 10.0% were made coarser or withheld." in page.text
    )
    assert page.tables["t-loss"].rows[1:] == [["sex", "0.0%"], ["zip3", "20.0%"]]
    assert "For Analysts Basis" in page.text


def test_it_says_how_people_still_stand_out(tmp_path: Path) -> None:
    page = reader(tmp_path)

    assert (
        "Most people stand out by “Dates of everything that happened to a person”: "
        "26.0% of them are alike to fewer than 11." in page.text
    )
    assert page.tables["t-risk"].rows[2:] == [
        ["person person: sex, zip3", "2,000", "fewer than 8", "fewer than 8", "20.0%",
         "12", "0", "0.0%", "15.0%",
         "k at least 11; t at most 0.6 at risk: alike to fewer than 11"],
        ["arrests arrest: sex", "20", "fewer than 8", "fewer than 8", "too few rows",
         "fewer than 8", "fewer than 8", "too few rows", "15.0%",
         "none, measured only at risk: alike to fewer than 5"],
        ["Dates of everything that happened to a person", "1,000", "–", "–", "–",
         "fewer than 8", "20", "26.0%", "15.0%",
         "alone at most 5.0% at risk: alike to fewer than 11"],
    ]  # fmt: skip
    assert page.tables["t-population"].rows[1:] == [["person", "900", "0"]]


def test_it_says_what_could_be_learnt_of_people(tmp_path: Path) -> None:
    assert reader(tmp_path).tables["t-learnt"].rows[1:] == [
        ["person", "in_hospital", "1", "1.235", "0.512", "2.0", "3.5", "5.0%"]
    ]


def test_it_says_what_was_done_to_each_column_of_each_table(tmp_path: Path) -> None:
    page = reader(tmp_path)

    assert [row[0] for row in page.tables["t-columns-person"].rows[1:]] == [
        "sex", "zip3", "state",
    ]  # fmt: skip
    assert page.tables["t-columns-person"].rows[2] == [
        "zip3", "police_rms.person.sex",
        "3 digits. Hiding people changed it in 20.0% of the rows.",
    ]  # fmt: skip
    # A column of another table that has the same name was not touched.
    assert page.tables["t-columns-arrest"].rows[1][2] == "Kept."


def test_what_a_file_says_is_shown_as_text(tmp_path: Path) -> None:
    page = reader(tmp_path)

    assert "<script>" in page.text
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]


def test_pictures_have_a_sentence_and_a_table(tmp_path: Path) -> None:
    report = read_disclosure(released(tmp_path), COUNTY)
    drawn = figures(report)

    labels = [a["aria-label"] for _, a in Reader(disclosure_html(report)).elements
              if a.get("role") == "img"]  # fmt: skip
    assert [str(label).partition(".")[0] for label in labels] == [
        "Dot chart of the share of rows in which each trait was changed",
        "Dot chart of the share of people at risk by each set, before and after people "
        "were hidden",
    ]
    assert "arrests" not in str(drawn["risk"])  # too few people for a share
    assert "person" in str(drawn["risk"])
    assert figures(report) == drawn


def test_the_json_holds_what_the_page_shows(tmp_path: Path) -> None:
    report = read_disclosure(released(tmp_path), COUNTY)

    found = json.loads(page_json(report))

    assert found["hiding"]["touched"] == 0.2
    assert found["looked"][0]["after"]["at_risk_share"] == 0.0
    assert found["columns"][1]["changed"] == 0.2
    assert found["content_digest"] == report.content_digest


def test_tables_of_counts_are_shown_with_their_audit(tmp_path: Path) -> None:
    audit = {"cells": 336, "withheld": 40, "full_interval": 40, "exact": 0}
    risk = {
        "figures": [{"table": "by_beat", "period": "2026-01-01", "base": 5,
                     "audit": audit}],
        "nested": {"by_year": {"audit": audit}},
    }  # fmt: skip
    report = read_disclosure(released(tmp_path, risk), COUNTY)

    assert report.audits == (
        Audited("by_beat", "2026-01-01", 336, 40, 40, 0, 5),
        Audited("nested by_year", "", 336, 40, 40, 0, None),
    )
    page = Reader(disclosure_html(report))
    assert page.faults == []
    assert page.tables["t-audit"].rows[1] == [
        "by_beat", "2026-01-01", "336", "40", "40", "0", "5",
    ]  # fmt: skip


def test_a_release_that_says_nothing_of_risk_says_so(tmp_path: Path) -> None:
    page = reader(tmp_path, {})

    assert page.faults == []
    assert "This release holds no row about a person" in page.text
    assert "names no set of columns to be measured" in page.text
    assert "names no sensitive column to be measured" in page.text
    assert "holds no table of counts, so none was audited" in page.text
    assert "No scan is on record." in page.text


def test_a_release_in_which_nobody_stood_alone(tmp_path: Path) -> None:
    risk = {**RISK, "changed": {"sex": 0, "zip3": 0}, "generalised": 0, "suppressed": 0,
            "information_loss": 0.0, "sets": RISK["sets"][:1]}  # fmt: skip
    del risk["trajectories"]

    page = reader(tmp_path, risk)

    assert "Nothing had to be changed to hide anybody." in page.text
    assert "By no set of columns does anybody stand out." in page.text


def test_a_release_without_a_manifest_is_refused(tmp_path: Path) -> None:
    folder = released(tmp_path)
    (folder / "manifest.json").chmod(0o600)
    folder.chmod(0o700)
    (folder / "manifest.json").unlink()

    with pytest.raises(IntegrityError, match=r"r000001/manifest.json"):
        read_disclosure(folder, COUNTY)


def test_the_site_has_a_page_for_each_release_and_leads_to_it(
    empty_county: County,
) -> None:
    county = empty_county
    released(county.home)
    county.release(1, FIRST)

    night = Reader(county.write(FIRST).read_text())
    county.write(SECOND)

    place = "releases/research/r000001/index.html"
    page = county.zones.reports / place
    assert f"../{place}" in night.attributes("href")
    archive = Reader((county.zones.reports / "index.html").read_text())
    assert place in archive.attributes("href")
    read = Reader(page.read_text())
    assert read.faults == []
    for link in read.attributes("href"):
        assert link.startswith("#") or (page.parent / link).is_file()
    assert json.loads(page.with_suffix(".json").read_text())["release"] == 1


def test_an_older_release_keeps_its_page_and_a_lost_one_is_not_asked_for(
    empty_county: County,
) -> None:
    county = empty_county
    released(county.home)
    county.release(1, FIRST)
    county.release(2, SECOND)
    county.write(FIRST)
    page = county.zones.reports / "releases/research/r000001/index.html"
    page.write_text("kept")

    county.write(SECOND)
    assert page.read_text() == "kept"
    assert not page.parents[1].joinpath("r000002").exists()
    county.write(FIRST)
    assert page.read_text() != "kept"
