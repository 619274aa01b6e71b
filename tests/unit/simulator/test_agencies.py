"""The agencies that joined with one entry: what they serve fits the county's books."""

import hashlib
import json
from pathlib import Path
from zipfile import ZipFile

import duckdb
import paramiko
import pytest

from simulator.agencies import AGENCIES
from simulator.connections import connections
from simulator.county import County
from simulator.servers import AgencyServers, set_night

NIGHT = "20260105"


def rows(path: Path, query: str) -> list[tuple]:
    reader = "read_csv" if path.suffix == ".csv" else "read_json"
    options = ", all_varchar = true" if path.suffix == ".csv" else ""
    return duckdb.sql(
        query.format(served=f"{reader}('{path}'{options})")
    ).fetchall()  # fmt: skip


def column(path: Path, name: str) -> set[str]:
    found = rows(path, f"SELECT {name} FROM {{served}} WHERE {name} IS NOT NULL")
    return {value for (value,) in found}


def csv(root: Path, feed: str, table: str) -> Path:
    return root / f"served/{feed}/{NIGHT}/{feed}_{table}_{NIGHT}T020000Z.csv"


def truth(root: Path, feed: str) -> set[str]:
    path = root / "truth/2026-01-05/record_person.parquet"
    found = duckdb.sql(f"SELECT source_id FROM '{path}' WHERE feed = '{feed}'")
    return {value for (value,) in found.fetchall()}


def test_calls_name_the_case_numbers_of_incidents(county_root: Path) -> None:
    calls = csv(county_root, "police_cad", "call")
    reports = column(calls, "report_number")
    incidents = column(csv(county_root, "police_rms", "incident"), "case_number")
    assert len(reports) > 50
    # A defect of the police's own may spoil a case number there.
    assert len(reports - incidents) <= 2
    assert column(calls, "parent_call_id") <= column(calls, "call_id")


def test_complaints_lead_to_no_person_case_or_place(county_root: Path) -> None:
    folder = county_root / "served/complaints" / NIGHT
    headers = [path.read_text().splitlines()[0] for path in folder.glob("*.csv")]
    names = {name for header in headers for name in header.split(",")}
    assert not names & {"person_id", "case_number", "report_number", "street"}
    assert truth(county_root, "complaints") == set()
    officers = column(csv(county_root, "complaints", "allegation"), "officer_id")
    assert officers <= column(csv(county_root, "complaints", "officer"), "officer_id")


def test_parole_follows_an_arrest_and_its_people_are_in_the_truth(
    county_root: Path,
) -> None:
    folder = county_root / "served/parole/2026-01-05"
    people = column(folder / "persons.ndjson", "person_id")
    assert column(folder / "parole-periods.ndjson", "person_id") == people
    assert len(people) > 5
    assert people <= truth(county_root, "parole")
    (early,) = rows(
        folder / "parole-periods.ndjson",
        "SELECT count(*) FROM {served} WHERE release_date::DATE >= DATE '2026-01-06'",
    )
    assert early == (0,)


def test_the_homelessness_extract_is_one_zip_of_five_files(county_root: Path) -> None:
    folder = county_root / "served/social_services" / NIGHT
    manifest = json.loads((folder / "manifest.json").read_text())
    (listed,) = manifest["files"]
    assert (listed["name"], listed["table"]) == ("hmis.zip", "archive")
    assert "rows" not in listed
    content = (folder / "hmis.zip").read_bytes()
    assert listed["sha256"] == hashlib.sha256(content).hexdigest()
    with ZipFile(folder / "hmis.zip") as zipped:
        assert zipped.namelist() == [
            "Export.csv", "Client.csv", "Enrollment.csv", "Exit.csv", "Services.csv",
        ]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == [
        "hmis.zip", "manifest.json",
    ]  # fmt: skip


def test_the_same_county_gives_the_same_bytes(
    county_root: Path, tmp_path: Path
) -> None:
    County(7, 2000).write_night(tmp_path, 0)
    for feed in AGENCIES:
        for path in sorted((tmp_path / "served" / feed).rglob("*.*")):
            again = county_root / path.relative_to(tmp_path)
            assert path.read_bytes() == again.read_bytes(), path.name


@pytest.mark.enable_socket
def test_each_account_on_the_file_server_sees_its_own_feed(
    county_root: Path, tmp_path: Path
) -> None:
    with AgencyServers(county_root, tmp_path / "secrets") as servers:
        set_night(county_root, County(7, 2000).first_night)
        for feed in ("police_cad", "survey"):
            known = connections(servers.state)[feed]
            with paramiko.Transport((known.host, known.port)) as transport:
                transport.connect(username=known.login, password=known.password)
                sftp = paramiko.SFTPClient.from_transport(transport)
                names = sftp.listdir(f"/{NIGHT}")
            assert all(n.startswith(feed) or n == "manifest.json" for n in names)
        other = connections(servers.state)["survey"].password
        with (
            paramiko.Transport((known.host, known.port)) as transport,
            pytest.raises(paramiko.AuthenticationException),
        ):
            transport.connect(username="police_cad", password=other)
