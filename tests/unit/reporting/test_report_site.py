"""The files of the site: what is written, in which order, and again."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concord.landing.records import LinkageRun
from concord.linkage.evaluation import Agreement
from concord.linkage.intervals import measure
from concord.linkage.judging import BetweenAgencies, OfGroup
from concord.linkage.measuring import (
    EVALUATIONS,
    AtThreshold,
    Evaluation,
    Unlinkable,
)
from concord.reporting import site
from concord.reporting.linkage_quality import EVENT
from concord.zones import write_bytes
from tests.unit.reporting.reading import Reader
from tests.unit.reporting.three_nights import FIRST, NIGHTS, SECOND, THIRD, County

LATER = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)


def files(county: County) -> dict[str, bytes]:
    reports = county.zones.reports
    return {
        str(path.relative_to(reports)): path.read_bytes()
        for path in sorted(reports.rglob("*"))
        if path.is_file()
    }


def test_the_site_holds_a_folder_a_night_an_archive_and_the_newest(
    county: County,
) -> None:
    kinds = ("csv", "html", "json")

    assert sorted(files(county)) == sorted(
        [f"{night}/index.{kind}" for night in NIGHTS for kind in kinds]
        + ["index.html", "latest.html"]
    )
    assert not any(path.stat().st_mode & 0o007
                   for path in county.zones.reports.rglob("*"))  # fmt: skip


def test_the_archive_lists_nights_newest_first(county: County) -> None:
    read = Reader((county.zones.reports / "index.html").read_text())
    rows = read.tables["t-nights"].rows

    assert [row[0] for row in rows[1:]] == [
        "Wednesday, January 7, 2026",
        "Tuesday, January 6, 2026",
        "Monday, January 5, 2026",
    ]
    assert rows[2][1:] == ["Late", "Delivered", "Held", "Delivered"]
    links = [a for a in read.attributes("href") if a.endswith("/index.html")]
    assert links == [f"{night}/index.html" for night in NIGHTS[::-1]]


def test_an_older_night_written_again_does_not_become_the_newest(
    county: County,
) -> None:
    before = files(county)

    county.write(FIRST)

    latest = (county.zones.reports / "latest.html").read_text()
    assert f'content="0; url={THIRD}/index.html"' in latest
    assert files(county) == before


def test_a_report_written_again_differs_only_in_its_time(county: County) -> None:
    before = files(county)

    county.write(SECOND, LATER)

    after = files(county)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{SECOND}/index.html", f"{SECOND}/index.json"}
    for name in changed:
        text = after[name].decode()
        text = text.replace(LATER.isoformat(), county.written_at.isoformat())
        text = text.replace("2026-02-01 08:30 UTC", "2026-01-08 11:00 UTC")
        assert text == before[name].decode()
    county.write(SECOND)
    assert files(county) == before


def test_the_page_comes_after_its_numbers(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def watch(path: Path, data: bytes, **rest: Any) -> None:
        written.append(str(path.relative_to(county.zones.reports)))
        write_bytes(path, data, **rest)

    monkeypatch.setattr(site, "write_bytes", watch)
    county.write(THIRD)

    assert written == [
        f"{THIRD}/index.json", f"{THIRD}/index.csv", f"{THIRD}/index.html",
        "latest.html", "index.html",
    ]  # fmt: skip


def test_the_csv_holds_the_numbers_of_the_json(county: County) -> None:
    folder = county.zones.reports / FIRST.isoformat()
    facts = json.loads((folder / "index.json").read_text())["facts"]
    with (folder / "index.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))

    def value(section: str, table: str, item: str, measure: str) -> list[str]:
        return [
            line["value"]
            for line in lines
            if (line["section"], line["table"], line["item"], line["measure"])
            == (section, table, item, measure)
        ]

    assert {line["night"] for line in lines} == {FIRST.isoformat()}
    assert all(None not in line.values() for line in lines)
    for quality in facts["quality"]:
        for column in quality["columns"]:
            place = ("completeness", column["table"], column["column"])
            assert str(column["present"]) in value(*place, "present")
        for rule in quality["rules"]:
            place = ("validity", rule["table"], rule["rule"])
            assert value(*place, "broken") == [str(rule["broken"])]
    received = [str(f["received"]) for f in facts["fates"] if f["table"] == "person"]
    assert value("rows", "person", FIRST.isoformat(), "received") == received
    assert value("linkage", "", FIRST.isoformat(), "persons") == ["21385"]
    assert value("release", "", "research r000001", "k_before") == ["fewer than 8"]


def test_rules_that_held_are_in_the_numbers_but_not_on_the_page(
    county: County,
) -> None:
    found = files(county)

    assert b"code:arrest_type" in found[f"{FIRST}/index.json"]
    assert b"code:arrest_type" in found[f"{FIRST}/index.csv"]
    assert b"code:arrest_type" not in found[f"{FIRST}/index.html"]


def test_a_night_without_a_record_says_so(empty_county: County) -> None:
    read = Reader(empty_county.write(FIRST).read_text())

    assert read.faults == []
    assert "0 of 4 feeds delivered, 4 without a record. No new release." in (read.text)
    assert (
        "Nothing is recorded of St Mary Hospital for this night; none of its data "
        "has been accepted yet, so it is absent." in read.text
    )
    assert "Nothing has been released yet." in read.text
    assert "No linkage is on record up to this night." in read.text


def test_measures_that_linkage_and_publication_left_out_are_not_recorded(
    empty_county: County,
) -> None:
    county = empty_county
    county.release(1, FIRST)
    bare = replace(county.ledger.releases()[0], risk={}, inputs=({"feed": "school"},))
    county.ledger.record_release(bare)
    county.ledger.record_linkage(
        LinkageRun(FIRST, "p", 900, 500, "1", {}, {}, county.written_at)
    )

    read = Reader(county.write(FIRST).read_text())

    assert "900 person records of all agencies are 500 persons." in read.text
    assert "Records joined to another 400" in read.text
    assert "Identifiers found not recorded" in read.text
    assert ["Springfield Public Schools school", "", "", "not recorded"] in (
        read.tables["t-inputs-research"].rows
    )


def test_kinds_that_were_counted_and_are_left_out_are_zero(
    empty_county: County,
) -> None:
    county = empty_county
    county.release(1, FIRST)
    risk = {"records": 900, "generalised": 40, "suppressed": 12}
    county.ledger.record_release(replace(county.ledger.releases()[0], risk=risk))
    measures = {"events": {"retired": 9}}
    county.ledger.record_linkage(
        LinkageRun(FIRST, "p", 900, 500, "1", {}, measures, county.written_at)
    )

    read = Reader(county.write(FIRST).read_text())

    assert ["Created", "0"] in read.tables["t-ids"].rows
    assert ["Retired", "10"] in read.tables["t-ids"].rows
    assert ["Kept at least", "500"] in read.tables["t-ids"].rows
    assert "Persons with a trait withheld 50" in read.text


def measured(county: County, night: date, false_links: int) -> None:
    """Record a linkage and what was measured of it, with small and large groups."""
    county.ledger.record_linkage(
        LinkageRun(night, "p", 900, 500, "1", {}, {}, county.written_at)
    )
    profiles, times = np.array([[1, 1, 1], [1, 0, 0]]), np.array([950, 50])
    links = measure(profiles, times, seed=1)
    few = measure(profiles, np.array([20, 5]), seed=1)
    found = Evaluation(
        data="known truth",
        night=night,
        model_version="1",
        records=2000,
        pairs=links,
        groups=None,
        curve=(AtThreshold(0, 0.91, 0.97, 0.94), AtThreshold(5, 0.999, 0.95, 0.974)),
        agencies=(
            BetweenAgencies("a", "b", Agreement(1000, 950 + false_links, 950)),
            BetweenAgencies("b", "b", Agreement(12, 11, 11)),
        ),
        by_group=(
            OfGroup("race", "W", 900, links),
            OfGroup("race", "B", 40, measure(profiles, np.array([35, 5]), seed=1)),
            OfGroup("race", "others", 6, few),
        ),
        unlinkable=(Unlinkable("a", "nothing but a name", 3),),
    )
    facts = EVALUATIONS.dump_python(found, mode="json")
    county.ledger.record_event(EVENT, night, measured=facts)


def test_measured_linkage_quality_is_shown(empty_county: County) -> None:
    measured(empty_county, FIRST, false_links=3)

    read = Reader(empty_county.write(FIRST).read_text())

    assert "Precision 100.0%" in read.text
    assert "Recall 95.0%" in read.text
    assert "not measured" not in read.text
    assert "The widest gap in recall is 7.5 points, by race: best for W" in read.text
    assert "Of the thresholds looked at, +5 gives the best F1, 97.4%" in read.text
    assert read.tables["t-quality-agencies"].rows[1:] == [
        ["a and b", "1,000", "50", "fewer than 8", "95.0%", "99.5%"],
        ["within b", "10", "fewer than 8", "0", "too few rows", "too few rows"],
    ]
    assert read.tables["t-quality-groups"].rows[-1] == [
        "race", "others", "fewer than 8", "too few rows", "too few rows",
    ]  # fmt: skip
    assert read.tables["t-quality-unlinkable"].rows[1:] == [
        ["a", "nothing but a name", "fewer than 8"]
    ]
    labels = [a["aria-label"] for _, a in read.elements if a.get("role") == "img"]
    assert [label.partition(".")[0] for label in labels] == [
        "Line chart of precision and recall by threshold",
        "Dot chart of recall by race",
    ]


def test_a_later_measure_does_not_change_an_earlier_report(
    empty_county: County,
) -> None:
    measured(empty_county, FIRST, false_links=0)
    before = empty_county.write(FIRST).read_text()
    measured(empty_county, SECOND, false_links=90)
    assert empty_county.write(FIRST).read_text() == before
    assert empty_county.write(SECOND).read_text() != before


def test_what_people_correct_and_what_changed_is_shown(empty_county: County) -> None:
    measures = {
        "churn": {"records": 9000, "changed": 30, "share": 30 / 9000},
        "possible": 233,
        "decisions": 3,
    }
    empty_county.ledger.record_linkage(
        LinkageRun(FIRST, "p", 900, 500, "1", {}, measures, empty_county.written_at)
    )

    text = Reader(empty_county.write(FIRST).read_text()).text

    assert "Records with another person id 0.3%" in text
    assert "Pairs that wait for a person 235" in text
    assert "Decisions of people in force fewer than 8" in text


def test_a_feed_whose_contract_is_gone_is_still_reported(
    empty_county: County,
) -> None:
    empty_county.ledger.record_feed_night("jail", FIRST, "late", code="NOT_READY")

    text = Reader(empty_county.write(FIRST).read_text()).text

    assert "jail has not delivered; none of its data has been accepted yet" in text
    assert "No detail was recorded." in text
    assert "No next step was recorded." in text


def test_reading_the_package_does_not_load_the_drawing_library() -> None:
    code = "import sys, concord.reporting.site as s; print('altair' in sys.modules)"
    root = Path(site.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"
