"""The four transports against the four servers, on nights when nothing goes wrong."""

import json

import pytest

from tests.support.small_county import NIGHTS, RESOURCES, MemorySink

pytestmark = pytest.mark.enable_socket


def test_police_files_arrive_byte_for_byte(county, start):
    night = county.night(0)
    county.clock(night)
    fetched, sink = start().fetch("police_rms", night)
    folder = county.served / "police_rms" / "20260105"
    assert set(sink.bytes.values()) == {path.read_bytes() for path in folder.iterdir()}
    assert sorted(sink.bytes) == [
        "incident/00002.csv",
        "manifest/00001.json",
        "person/00001.csv",
    ]
    assert fetched.rows_expected == {"person": 1, "incident": 0}
    assert fetched.cursor == "20260105"


def test_probation_snapshot_arrives_page_by_page(county, start):
    night = county.night(0)
    county.clock(night)
    fetched, sink = start().fetch("probation", night)
    assert fetched.rows_expected == dict.fromkeys(RESOURCES, 5)
    assert [part.rows for part in sink.parts if part.table == "persons"] == [2, 2, 1]
    assert sink.rows("persons") == [{"id": f"persons{n}"} for n in range(5)]
    assert fetched.cursor == "2026-01-05"


def test_school_first_load_brings_all_rows_and_no_deletions(county, start):
    night = county.night(0)
    county.clock(night)
    fetched, sink = start().fetch("school", night)
    assert fetched.rows_expected == {"students": 5}
    found = {row["studentUniqueId"] for row in sink.rows("students")}
    assert found == {f"S{n}" for n in range(1, 6)}
    assert {part.role for part in sink.parts} == {"manifest", "rows"}
    assert fetched.cursor == "5"


def test_hospital_export_arrives_byte_for_byte(county, start):
    night = county.night(0)
    county.clock(night)
    running = start(rows_per_file=2)
    fetched, sink = running.fetch("hospital", night)
    sent = (county.served / "hospital" / "2026-01-05" / "Patient.ndjson").read_bytes()
    names = [f"Patient/{n:05d}.ndjson" for n in (1, 2, 3)]
    assert b"".join(sink.bytes[name] for name in names) == sent
    assert fetched.rows_expected == {"Patient": 5, "Encounter": 0}
    assert fetched.cursor == "2026-01-05T02:00:00-06:00"
    assert running.servers.hospital.exports == {}


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_hospital_accepts_both_signing_algorithms(county, start, algorithm):
    night = county.night(0)
    county.clock(night)
    fetched, _ = start(algorithm=algorithm).fetch("hospital", night)
    assert fetched.rows_expected["Patient"] == 5


def test_second_night_brings_only_what_is_new(county, start):
    county.clock(county.night(0))
    running, cursors = start(), {}
    for feed in ("police_rms", "school", "hospital"):
        cursors[feed] = running.fetch(feed, NIGHTS[0])[0].cursor
    county.clock(county.night(1))
    police, _ = running.fetch("police_rms", NIGHTS[1], cursors["police_rms"])
    assert police.source == "/20260106"
    school, sink = running.fetch("school", NIGHTS[1], cursors["school"])
    assert [row["studentUniqueId"] for row in sink.rows("students")] == ["S101"]
    assert [row["id"] for row in sink.rows("students", "deletes")] == [f"{1:032x}"]
    assert school.cursor == "151"
    hospital, sink = running.fetch("hospital", NIGHTS[1], cursors["hospital"])
    assert [row["id"] for row in sink.rows("Patient")] == ["p101"]
    (bundle,) = sink.rows("deleted", "deletes")
    assert bundle["entry"][0]["request"]["url"] == "Patient/p1"
    assert hospital.cursor == "2026-01-06T02:00:00-06:00"


def test_a_quiet_night_is_a_delivery_of_no_rows(county, start):
    county.clock(county.night(0))
    running, cursors = start(), {}
    for feed in ("school", "hospital"):
        cursors[feed] = running.fetch(feed, NIGHTS[0])[0].cursor
    county.clock(NIGHTS[1])
    school, _ = running.fetch("school", NIGHTS[1], cursors["school"])
    assert (school.rows_expected, school.cursor) == ({"students": 0}, "5")
    hospital, sink = running.fetch("hospital", NIGHTS[1], cursors["hospital"])
    assert hospital.rows_expected == {"Patient": 0, "Encounter": 0}
    assert [part.role for part in sink.parts] == ["manifest"]


def test_a_late_police_night_offers_nothing(county, start):
    county.clock(county.night(0))
    county.clock(NIGHTS[1])
    assert start().transport("police_rms").offered("20260105", NIGHTS[1]) == ()


def test_a_folder_without_manifest_is_not_offered(county, start):
    night = county.night(0)
    county.clock(night)
    (county.served / "police_rms" / "20260105" / "manifest.json").unlink()
    assert start().transport("police_rms").offered(None, night) == ()


def test_two_outstanding_police_nights_are_two_drops_in_order(county, start):
    for number in range(3):
        county.clock(county.night(number))
    transport = start().transport("police_rms")
    drops = transport.offered("20260105", NIGHTS[2])
    assert [(drop.night, drop.cursor) for drop in drops] == [
        (NIGHTS[1], "20260105"),
        (NIGHTS[2], "20260106"),
    ]
    assert [transport.fetch(d, MemorySink()).cursor for d in drops] == [
        "20260106",
        "20260107",
    ]


def test_nights_to_come_are_not_offered(county, start):
    for number in range(3):
        county.night(number)
    county.clock(NIGHTS[0])
    running = start()
    assert len(running.transport("police_rms").offered(None, NIGHTS[2])) == 1
    _, sink = running.fetch("school", NIGHTS[0])
    assert len(sink.rows("students")) == 5


def test_available_change_versions_are_kept_as_the_manifest(county, start):
    county.clock(county.night(0))
    _, sink = start().fetch("school", NIGHTS[0])
    assert json.loads(sink.bytes["manifest/00001.json"]) == {
        "OldestChangeVersion": 0,
        "NewestChangeVersion": 5,
    }
