"""What the page of each of three nights says."""

import html
import json
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from concord.reporting.collecting import Collector
from concord.reporting.rendering import night_html
from tests.unit.reporting.reading import Reader
from tests.unit.reporting.three_nights import (
    FIRST,
    HOSTILE,
    NIGHTS,
    SECOND,
    THIRD,
    County,
)


def source(county: County, night: date) -> str:
    path = county.zones.reports / night.isoformat() / "index.html"
    return path.read_text(encoding="utf-8")


def page(county: County, night: date) -> Reader:
    return Reader(source(county, night))


def all_pages(county: County) -> list[str]:
    return [p.read_text() for p in sorted(county.zones.reports.rglob("*.html"))]


def test_a_night_on_which_all_delivered(county: County) -> None:
    text = page(county, FIRST).text

    assert "4 of 4 feeds delivered. 1 new release: r000001 (research)." in text
    assert (
        "Springfield Police Department delivered 56,129 rows in 5 files; "
        "50 rows went to quarantine." in text
    )
    assert "No feed is late or held: all figures rest on data of this night." in text
    assert "This is the first night on record" in text


def test_a_late_and_a_held_feed_say_since_when_why_and_what_next(
    county: County,
) -> None:
    text = page(county, SECOND).text

    assert "2 of 4 feeds delivered, 1 late, 1 held." in text
    assert (
        "St Mary Hospital has not delivered; its figures are those of Monday, "
        "January 5, 2026, carried forward for 1 night." in text
    )
    assert (
        "Springfield County Probation delivered, but the delivery is held "
        "(ROW_COUNT_MISMATCH); its figures are those of Monday, January 5, 2026" in text
    )
    assert "no export was offered by 05:00" in text
    assert "Ask the agency to send the delivery again" in text
    assert "Held since Tuesday, January 6, 2026" in text


def test_the_held_rows_are_not_lost(county: County) -> None:
    rows = page(county, SECOND).tables["t-rows"].rows

    assert ["probation", "", "96", "0", "96", "0", "0", "0", "adds up"] in rows


def test_a_feed_that_catches_up_says_for_which_night(county: County) -> None:
    text = page(county, THIRD).text

    assert (
        "St Mary Hospital delivered 504 rows in 4 files, making up for Tuesday, "
        "January 6, 2026; 2 rows went to quarantine." in text
    )
    assert "2026-01-06 catching up" in text
    assert (
        "No new release was made on this night; r000002 of Tuesday, January 6" in text
    )
    assert "these figures are of Tuesday, January 6, 2026" in text


def test_a_held_delivery_is_named_until_somebody_decides(county: County) -> None:
    read = page(county, THIRD)

    assert "No feed is late or held" in read.text
    assert read.tables["t-waiting"].rows[1:] == [
        ["Springfield County Probation probation", "2026-01-06", "2026-01-06",
         "ROW_COUNT_MISMATCH", "96"]
    ]  # fmt: skip
    assert "t-waiting" not in page(county, SECOND).tables


def test_what_changed_comes_from_both_nights(county: County) -> None:
    rows = page(county, SECOND).tables["t-changes"].rows

    assert ["St Mary Hospital", "Status", "Delivered", "Late"] in rows
    assert ["St Mary Hospital", "Rows received", "15,157", "0"] in rows
    assert ["Linkage", "Persons", "21,385", "21,400"] in rows
    assert ["Release", "Research release", "r000001", "r000002"] in rows
    assert ["Springfield Public Schools", "Status"] not in [row[:2] for row in rows]


@pytest.mark.parametrize("night", NIGHTS)
def test_every_row_has_one_fate(county: County, night: date) -> None:
    tables = page(county, night).tables
    body = tables["t-rows"].rows[1:]

    for _, _, received, published, quarantined, rejected, superseded, *_ in body:
        parts = (published, quarantined, rejected, superseded)
        assert number(received) == sum(map(number, parts))
    feeds = [row for row in body if not row[1] and row[0] != "All feeds"]
    every = [row for row in body if row[1]]
    total = number(body[-1][2])
    assert body[-1][0] == "All feeds"
    assert total == sum(number(row[2]) for row in feeds)
    assert total == sum(number(row[2]) for row in every) > 0
    assert total == sum(number(row[5]) for row in tables["t-arrived"].rows[1:])
    assert {row[-1] for row in body} == {"adds up"}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_counts_that_do_not_add_up_are_said_so(county: County) -> None:
    # The ledger refuses to record such counts, so the model is asked.
    collector = Collector(county.ledger, county.registry, county.settings)
    made = collector.page(FIRST, county.written_at)
    wrong = replace(made, fate_total=replace(made.fate_total, reconciles=False))

    assert "does not add up" not in Reader(night_html(made, None)).text
    assert "does not add up" in Reader(night_html(wrong, None)).text


@pytest.mark.parametrize("night", NIGHTS)
def test_counts_that_may_describe_people_are_protected(
    county: County, night: date
) -> None:
    tables = page(county, night).tables
    protected = [
        text
        for name, table in tables.items()
        if re.match("t-(rules|gaps|valid|linked|ids|pairs|release|inputs)", name)
        for text in table.numbers
    ]
    shown = [number(text) for text in protected if re.fullmatch(r"[\d,]+", text)]

    assert len(shown) > 10
    assert [count for count in shown if 0 < count < 8 or count % 5] == []


def test_small_counts_are_words(county: County) -> None:
    tables = page(county, FIRST).tables
    rules = {row[0].split()[0]: row for row in tables["t-rules"].rows[1:]}

    assert rules["required:last_name"][2:] == [
        "Critical", "fewer than 8", "12,480", "less than 0.1%",
    ]  # fmt: skip
    assert rules["reference:encounter_id"][3:] == ["10", "20", "too few rows"]
    assert ["discipline_action", "fewer than 8", "–"] in (
        tables["t-release-research"].rows
    )


def test_broken_rules_say_why_and_critical_ones_come_first(county: County) -> None:
    rows = page(county, FIRST).tables["t-rules"].rows[1:]
    severities = [row[2] for row in rows]
    text = " ".join(row[0] for row in rows)

    assert severities == sorted(severities)
    assert "An incident cannot be reported before it happened." in text
    assert "A value is one of the agreed codes (nibrs_location)." in text
    assert "Every row needs a value here. The column: Family name." in text
    assert "arrest_type" not in text


def test_completeness_and_validity_stand_beside_a_picture(county: County) -> None:
    read = page(county, FIRST)
    text = read.text

    assert (
        "person record", "race", "may be empty", "12,465", "12,110", "97.2%",
    ) in map(tuple, read.tables["t-gaps-police_rms"].rows)  # fmt: skip
    assert ["person", "pattern:ssn", "ssn", "7,380", "99.5%"] in (
        read.tables["t-valid-police_rms"].rows
    )
    assert "Not sent by this agency: ssn." in text
    assert "3 of 10 columns are filled in every row" in text
    assert "required but with gaps: incident.case_number" in text
    pictures = [a for t, a in read.elements if a.get("role") == "img"]
    assert len(pictures) == 4
    assert all("99" not in (a["aria-label"] or "") for a in pictures)


def test_linkage_quality_is_measured_or_said_not_to_be(county: County) -> None:
    text = page(county, FIRST).text

    assert "29,020 person records of all agencies are 21,385 persons." in text
    assert "How good linkage is: not measured." in text
    assert "concord linkage sample --pairs 400" in text
    assert "all pairs were scored again, and 0 records belong to other" in text


def test_pairs_are_shown_band_by_band(county: County) -> None:
    assert page(county, FIRST).tables["t-pairs"].rows[1:] == [
        ["Linked: taken as one person", "10,410"],
        ["For review: possibly one person", "235"],
        ["Refused: given names", "fewer than 8"],
    ]


def test_a_release_says_what_went_in_and_what_protection_cost(county: County) -> None:
    read = page(county, SECOND)

    assert "Smallest group in the release 11 at least 11 required" in read.text
    assert "Smallest group before protection fewer than 8" in read.text
    assert "withheld 1.2% at most 10.0% allowed" in read.text
    inputs = read.tables["t-inputs-research"].rows
    assert ["St Mary Hospital hospital", "2026-01-05 carried forward", "1.0.0",
            "30,000"] in inputs  # fmt: skip
    assert ["person", "21,380", "21,380"] in read.tables["t-release-research"].rows


def test_hostile_text_of_the_ledger_is_shown_and_not_obeyed(county: County) -> None:
    text = source(county, SECOND)

    assert HOSTILE not in text
    assert "<img" not in text
    assert "<script" not in text
    assert HOSTILE in html.unescape(text)


def test_no_page_asks_for_anything_outside(county: County) -> None:
    pages = all_pages(county)

    assert len(pages) == 5
    for text in pages:
        read = Reader(text)
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            for target in read.attributes(name):
                assert not re.match(r"[a-z]+:|//", target), target
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert style
        assert not re.search(r"url\(|@import|@font-face", style.group(1))
        tags = {tag for tag, _ in read.elements}
        assert not tags & {"script", "iframe", "object", "embed", "img", "link", "form"}
        handlers = [n for _, a in read.elements for n in a if n.startswith("on")]
        assert handlers == []


def test_pages_are_well_formed_and_can_be_used_without_sight(county: County) -> None:
    for text in all_pages(county):
        read = Reader(text)
        tags = [tag for tag, _ in read.elements]
        ids = read.attributes("id")

        assert text.startswith("<!DOCTYPE html>")
        assert read.faults == []
        assert read.open == []
        assert dict(read.elements)["html"] == {"lang": "en-US"}
        assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
        assert len(ids) == len(set(ids))
        fragments = [t[1:] for t in read.attributes("href") if t.startswith("#")]
        assert "main" in fragments
        labels = read.attributes("aria-labelledby")
        assert set(fragments) | set(labels) <= set(ids)
        assert tags.count("table") == tags.count("caption") == len(read.tables)
        scopes = [a.get("scope") for tag, a in read.elements if tag == "th"]
        assert set(scopes) <= {"col", "row", "rowgroup"}
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        steps = [b - a for a, b in pairwise(levels)]
        assert levels[0] == 1
        assert all(step <= 1 for step in steps)


def test_a_status_is_a_word_and_a_shape(county: County) -> None:
    text = source(county, SECOND)
    statuses = re.findall(
        r'<span class="status status-(\w+)"><svg class="icon" [^>]*>'
        r'<use href="#icon-(\w+)"/></svg>([\w ]+)</span>',
        text,
    )

    assert len(statuses) == text.count('class="status ')
    assert {word for *_, word in statuses} == {"Delivered", "Late", "Held"}
    assert all(colour == shape for colour, shape, _ in statuses)


def test_the_page_can_be_printed(county: County) -> None:
    text = source(county, FIRST)
    printed = text.split("@media print {", 1)[1].split("</style>")[0]

    assert ".contents, .skip { display: none; }" in printed
    assert "grayscale(1)" in printed
    assert "--good: #000" in printed


def test_every_number_of_the_tables_is_in_the_json(county: County) -> None:
    read = page(county, FIRST)
    path = county.zones.reports / FIRST.isoformat() / "index.json"
    facts = json.loads(path.read_text())["facts"]

    def cells(table: str) -> list[list[str]]:
        return [row for row in read.tables[table].rows[1:] if row[0] != "All feeds"]

    def write(value: int | str) -> str:
        return value if isinstance(value, str) else f"{value:,}"

    fates = [
        [f["table"], f["night"]]
        + [write(f[n]) for n in ("received", "published", "quarantined", "rejected",
                                 "superseded", "deleted")]
        for f in facts["fates"]
    ]  # fmt: skip
    assert [row[:-1] for row in cells("t-rows") if row[1]] == fates
    linkage = facts["linkage"]
    assert cells("t-linked") == [
        [f["feed"], write(f["records"])] for f in linkage["by_feed"]
    ]
    names = ("kept", "created", "merged", "split", "retired", "restored")
    assert [row[1] for row in cells("t-ids")] == [
        write(linkage[f"ids_{name}"]) for name in names
    ]
    gaps = [
        [c["table"], c["column"], write(c["rows"]), write(c["present"])]
        for quality in facts["quality"]
        for c in quality["columns"]
        if not c["complete"] and c["need"] != "not sent"
    ]
    shown = [
        [row[0], row[1], row[3], row[4]]
        for name in read.tables
        if name.startswith("t-gaps-")
        for row in cells(name)
    ]
    assert shown == gaps
    broken = sorted(
        write(r["broken"])
        for quality in facts["quality"]
        for r in quality["rules"]
        if r["broken"] != 0
    )
    assert sorted(row[3] for row in cells("t-rules")) == broken
