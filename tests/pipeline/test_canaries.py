"""No planted identity leaves the restricted zones, and the scan can see."""

import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import scan_tables, scan_tree
from concord.exceptions import DisclosureRefused
from concord.zones import Zones

pytestmark = pytest.mark.xdist_group("nights")
OPEN_ZONES = ("releases", "reports")


@pytest.fixture(scope="session")
def dictionary(nights) -> Dictionary:
    tokens = [t for canary in nights.canaries() for t in canary["tokens"]]
    assert len(tokens) > 50
    return Dictionary.from_vault([], tokens=tokens)


def test_no_canary_in_releases_reports_or_ledger(nights, dictionary) -> None:
    roots = [*(nights.home / zone for zone in OPEN_ZONES), nights.home / "ledger.db"]
    assert scan_tree(roots, dictionary) == ()


def test_no_canary_readable_in_any_zone_at_rest(nights, dictionary) -> None:
    """Landing, quarantine, vault and content are encrypted: nothing shows."""
    zones = Zones(nights.home)
    roots = [zones.landing, zones.quarantine, zones.vault, zones.content]
    found = scan_tree(roots, dictionary)
    assert found, "sealed tables count as unreadable"
    assert {finding.kind for finding in found} == {"unreadable"}


def test_scratch_is_left_empty(nights) -> None:
    assert list(Zones(nights.home).scratch.iterdir()) == []


def test_the_scan_sees_the_canaries_in_the_opened_vault(
    nights, county, dictionary, tmp_path
) -> None:
    """The positive control: with the vault's key every served canary is found."""
    from concord.demo.story import NIGHTS

    pq.write_table(
        pa.Table.from_pylist(nights.records(county, NIGHTS[-1])),
        tmp_path / "opened.parquet",
    )
    found = scan_tree([tmp_path], dictionary)
    assert len(found) >= len(nights.canaries())
    assert all("zqx" not in str(finding).lower() for finding in found)


@pytest.mark.parametrize("artefact", ["log", "parquet", "sqlite"])
def test_a_planted_leak_turns_the_scan_red(
    nights, dictionary, tmp_path, artefact
) -> None:
    leak = str(nights.canaries()[0]["tokens"][0])
    if artefact == "log":
        (tmp_path / "task.log").write_text(f"could not parse {leak}\n")
    elif artefact == "parquet":
        pq.write_table(pa.table({"note": ["a", leak]}), tmp_path / "t.parquet")
    else:
        with sqlite3.connect(tmp_path / "airflow.db") as database:
            database.execute("CREATE TABLE xcom (value TEXT)")
            database.execute("INSERT INTO xcom VALUES (?)", [leak])
    found = scan_tree([tmp_path], dictionary)
    assert found
    assert leak not in str(found)


def test_a_leak_in_a_table_stops_the_release(nights, dictionary) -> None:
    leak = str(nights.canaries()[0]["tokens"][0])
    with duckdb.connect() as con:
        con.execute("CREATE TABLE incident AS SELECT ? AS beat", [leak])
        with pytest.raises(DisclosureRefused) as refusal:
            scan_tables(con, ["incident"], dictionary)
    assert "incident" in str(refusal.value)
    assert leak not in str(refusal.value)


def test_modes_keep_others_out(nights) -> None:
    zones = Zones(nights.home)
    for path in (zones.landing, zones.quarantine, zones.vault, zones.content):
        assert path.stat().st_mode & 0o077 == 0
    for key in zones.keys.iterdir():
        assert key.stat().st_mode & 0o077 == 0


def test_errors_hold_no_value(nights, dictionary, tmp_path: Path) -> None:
    text = "\n".join(str(error) for error in nights.errors.values())
    (tmp_path / "errors.txt").write_text(text)
    assert scan_tree([tmp_path], dictionary) == ()
