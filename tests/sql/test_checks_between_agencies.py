"""Checks between agencies: two counts and nothing else, from de-named content."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.curation.cross_checks import Check, read_checks, run_checks
from concord.exceptions import ConfigError
from concord.landing.history import CrossCheck
from concord.landing.ledger import Ledger
from concord.reporting.between import between
from concord.settings import Settings
from tests.support.deidentified import empty_inputs

FOLDER = Settings().include / "sql" / "checks"
CHECKS = {check.name: check for check in read_checks(FOLDER)}
REGISTRY = load_registry(Settings())
NIGHT = date(2026, 1, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "checks")
    return tmp_path / "checks"


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_runs_while_nobody_has_delivered(con, check: Check) -> None:
    results = run_checks(con, [check], NIGHT)
    assert results.found == (CrossCheck(NIGHT, check.name, 0, 0),)
    assert results.skipped == ()


@pytest.mark.parametrize(
    ("name", "writes", "has"),
    [
        (
            "call_report_numbers",
            "police_cad__call (report_number)",
            "police_rms__incident (case_number)",
        ),
        (
            "school_case_numbers",
            "school__discipline_incident (case_number)",
            "police_rms__incident (case_number)",
        ),
        (
            "supervision_arrests",
            "probation__supervision_period (arrest_number)",
            "police_rms__arrest (arrest_id)",
        ),
    ],
)
def test_each_number_counts_once(con, name: str, writes: str, has: str) -> None:
    con.execute(f"INSERT INTO {writes} VALUES ('a'), ('a'), ('b'), ('c'), (NULL)")
    con.execute(f"INSERT INTO {has} VALUES ('a'), ('a'), ('c'), ('d')")
    found = run_checks(con, [CHECKS[name]], NIGHT).found
    assert found == (CrossCheck(NIGHT, name, 2, 3),)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_both_sides_of_a_check_are_numbers_of_one_kind(check: Check) -> None:
    joined = re.search(r"ON written\.(\w+) = known\.(\w+)", check.sql)
    assert joined, "a check joins what is written to what is known"
    kinds = {
        column.entity
        for feed in check.about.feeds
        for table in REGISTRY.contract(feed).tables
        if f"{feed}__{table.name}" in check.reads
        for column in table.columns
        if column.name in joined.groups()
    }
    assert len(kinds) == 1, "of two kinds the tokens differ, and nothing is found"
    assert None not in kinds


def test_a_check_of_what_the_profile_drops_is_left_out_and_named() -> None:
    with empty_inputs() as con:
        con.execute("ALTER TABLE police_rms__incident DROP COLUMN case_number")
        results = run_checks(con, list(CHECKS.values()), NIGHT)
    assert results.skipped == ("call_report_numbers", "school_case_numbers")
    assert [found.name for found in results.found] == ["supervision_arrests"]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT case_number FROM police_rms__incident", "other columns"),
        ("SELECT 1 AS found, 1 AS compared", "other columns"),
        (
            "SELECT 1::BIGINT AS found, x::BIGINT AS compared FROM range(2) t(x)",
            "row",
        ),
        ("SELECT 2::BIGINT AS found, 1::BIGINT AS compared", "more found"),
    ],
)
def test_a_query_that_gives_more_than_two_counts_is_refused(
    con, folder: Path, sql: str, problem: str
) -> None:
    (folder / "school_case_numbers.sql").write_text(sql)
    checks = [c for c in read_checks(folder) if c.name == "school_case_numbers"]
    with pytest.raises(ConfigError, match=problem):
        run_checks(con, checks, NIGHT)


def test_a_check_reads_only_tables_of_its_two_feeds(folder: Path) -> None:
    query = "SELECT count(*) AS found, count(*) AS compared FROM persons"
    (folder / "school_case_numbers.sql").write_text(query)
    with pytest.raises(ConfigError, match="reads persons, which is no table of school"):
        read_checks(folder)


@pytest.mark.parametrize("missing", [".sql", ".yaml"])
def test_a_check_is_two_files(folder: Path, missing: str) -> None:
    (folder / f"school_case_numbers{missing}").unlink()
    with pytest.raises(ConfigError, match=f"Add school_case_numbers{missing}"):
        read_checks(folder)


def test_the_report_has_protected_rates_over_time(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for day, matched in ((5, 61), (6, 58), (7, 3)):
        night = date(2026, 1, day)
        found = [CrossCheck(night, "school_case_numbers", matched, 63)]
        ledger.history.record_cross_checks(night, found)
        ledger.history.record_cross_checks(night, found)
    (line,) = between(ledger, FOLDER, date(2026, 1, 6))
    assert (line.matched, line.compared, line.expected) == (60, 65, 0.9)
    assert [(r.night.day, r.share) for r in line.rates] == [(5, 0.923), (6, 0.923)]
    (line,) = between(ledger, FOLDER, date(2026, 1, 7))
    assert line.matched == "fewer than 8"
    ledger.close()
