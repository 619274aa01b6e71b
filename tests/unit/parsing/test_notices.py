"""Notices of deletions and changed keys: read strictly, each by its own table."""

import json

import pytest

from concord.contracts.registry import load_registry
from concord.duck import connect
from concord.exceptions import DeliveryHeld
from concord.parsing.notices import load_deletions, load_key_changes
from concord.settings import Settings

REGISTRY = load_registry(Settings())
HOSPITAL, SCHOOL = REGISTRY.contracts["hospital"], REGISTRY.contracts["school"]
ENCOUNTER, STUDENT = HOSPITAL.table("encounter"), SCHOOL.table("student")


@pytest.fixture
def con(tmp_path):
    with connect(Settings(), tmp_path, timezone="America/Chicago") as opened:
        yield opened


def bundle(path, *urls):
    """Write a transaction Bundle that deletes what stands at some addresses."""
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    document = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    path.write_text(json.dumps(document) + "\n")
    return path


def rows(con, relation):
    return con.execute(f"FROM {relation} ORDER BY ALL").fetchall()


def test_a_list_of_all_tables_tells_each_of_its_own(con, tmp_path):
    told = bundle(
        tmp_path / "deleted.ndjson", "Patient/p1", "Encounter/e1", "Encounter/e2"
    )
    found = load_deletions(con, HOSPITAL, ENCOUNTER, [told])
    assert rows(con, found) == [("e1",), ("e2",)]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://his.example/r4/Encounter/e1", [("e1",)]),
        ("http://127.0.0.1:8080/fhir/Encounter/e.1-2", [("e.1-2",)]),
        ("https://his.example/r4/Patient/p1", []),
        ("PastEncounter/e1", []),
        ("Encounter/", []),
    ],
)
def test_a_resource_may_be_named_by_its_whole_address(con, tmp_path, url, found):
    told = bundle(tmp_path / "deleted.ndjson", url)
    assert rows(con, load_deletions(con, HOSPITAL, ENCOUNTER, [told])) == found


def test_a_notice_of_nothing_is_not_taken_for_another_tables(con, tmp_path):
    """It stays without a key, for which its reader holds the delivery."""
    told = tmp_path / "deleted.ndjson"
    told.write_text('{"entry": [{"request": {"method": "DELETE"}}]}\n')
    found = load_deletions(con, HOSPITAL, ENCOUNTER, [told])
    assert rows(con, found) == [(None,)]


def test_key_changes_come_in_the_order_in_which_they_were_made(con, tmp_path):
    told = tmp_path / "keyChanges.json"
    changes = [
        {
            "changeVersion": version,
            "oldKeyValues": {"studentUniqueId": old},
            "newKeyValues": {"studentUniqueId": new},
        }
        for version, old, new in ((100, "B", "C"), (9, "A", "B"))
    ]
    told.write_text(json.dumps(changes))
    found = load_key_changes(con, SCHOOL, STUDENT, [told])
    assert con.execute(f"FROM {found}").fetchall() == [("A", "B", 9), ("B", "C", 100)]


@pytest.mark.parametrize("load", [load_deletions, load_key_changes])
def test_without_files_there_are_no_notices(con, load):
    assert rows(con, load(con, SCHOOL, STUDENT, [])) == []


BROKEN = [
    ('[{"id": "CANARY",}]', "UNREADABLE_FILE"),
    ('[{"id": "CANARY"}', "UNREADABLE_FILE"),
    ('[{"id": "CANARY", "changeVersion": NaN}]', "UNREADABLE_FILE"),
    ('[{"id": "CANARY"}] [{"id": "x"}]', "UNREADABLE_FILE"),
    ('{"message": "CANARY"}', "RECORDS_MISSING"),
    ("", "EMPTY_FILE"),
]


@pytest.mark.parametrize("load", [load_deletions, load_key_changes])
@pytest.mark.parametrize(("text", "code"), BROKEN)
def test_a_page_of_notices_is_read_as_strictly_as_one_of_rows(
    con, tmp_path, load, text, code
):
    """The engine alone takes NaN, commas too many and a page that is cut."""
    good, bad = tmp_path / "1.json", tmp_path / "2.json"
    good.write_text("[]")
    bad.write_text(text)
    with pytest.raises(DeliveryHeld, match=code) as held:
        load(con, SCHOOL, STUDENT, [good, bad])
    assert "file 2 of 2" in held.value.detail
    assert "CANARY" not in str(held.value)
    assert held.value.__context__ is None


def test_a_broken_line_of_notices_is_held_not_left_out(con, tmp_path):
    told = bundle(tmp_path / "deleted.ndjson", "Encounter/e1")
    told.write_text(told.read_text() + '{"entry": [{"request": {"url": "CANARY\n')
    with pytest.raises(DeliveryHeld, match="UNREADABLE_FILE") as held:
        load_deletions(con, HOSPITAL, ENCOUNTER, [told])
    assert "1 notices are not valid json" in held.value.detail
    assert "CANARY" not in str(held.value)


def test_a_large_page_of_notices_is_read(con, tmp_path):
    """A district that closes a year deletes a lot at once."""
    told = tmp_path / "deletes.json"
    notices = [{"id": f"{n:032x}", "filler": "x" * 2000} for n in range(9000)]
    told.write_text(json.dumps(notices))
    assert told.stat().st_size > 16 * 2**20
    found = load_deletions(con, SCHOOL, STUDENT, [told])
    assert con.execute(f"SELECT count(*) FROM {found}").fetchone() == (9000,)
