"""Nights of a school whose API changes keys, or forgets and starts again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from concord import pipeline
from concord.exceptions import ConfigError, DeliveryHeld
from concord.landing import schema
from concord.landing.archive import Archive
from concord.settings import Settings
from concord.transport.registry import open_transport, read_spec
from concord.validation.states import StateStore
from tests.support.small_county import NIGHTS, QUICK_HTTP, County, Running

pytestmark = pytest.mark.enable_socket
FIRST, SECOND, THIRD = NIGHTS
Row = dict[str, Any]


def student(number: int, unique: str, version: int) -> Row:
    return {
        "id": f"{number:032x}",
        "studentUniqueId": unique,
        "firstName": "Ada",
        "lastSurname": f"Number{number}",
        "birthDate": "2010-04-17",
        "_changeVersion": version,
    }


def demographics(number: int, unique: str, version: int) -> Row:
    return {
        "id": f"{100 + number:032x}",
        "studentReference": {"studentUniqueId": unique},
        "_changeVersion": version,
    }


def enrollment(number: int, unique: str, version: int) -> Row:
    return {
        "id": f"{200 + number:032x}",
        "studentReference": {"studentUniqueId": unique},
        "schoolReference": {"schoolId": 255901},
        "entryDate": "2025-08-20",
        "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Kindergarten",
        "_changeVersion": version,
    }


def renamed(number: int, old: str, new: str, version: int) -> Row:
    return {
        "id": f"{number:032x}",
        "changeVersion": version,
        "oldKeyValues": {"studentUniqueId": old},
        "newKeyValues": {"studentUniqueId": new},
    }


@dataclass
class School:
    """A county that takes the school's feed night by night."""

    county: pipeline.County
    files: County
    running: Running

    def deliver(self, night: date, **resources: list[Row]) -> None:
        """Let the school's API change; ``keyChanges`` and ``deletes`` are students'."""
        names = {
            "students": "students",
            "demographics": "studentEducationOrganizationAssociations",
            "enrollments": "studentSchoolAssociations",
            "key_changes": "students.keyChanges",
            "deletes": "students.deletes",
        }
        for name, rows in resources.items():
            self.files.ndjson("school", night, names[name], rows)
        self.files.clock(night)

    def ingest(self, night: date) -> str:
        """Land and check a night; return the state's name."""
        pipeline.land(
            self.county,
            "school",
            night,
            lambda contract: open_transport(
                "school",
                read_spec("school", {**contract.transport, **QUICK_HTTP}),
                self.running.connections["school"],
            ),
        )
        return pipeline.check(self.county, "school", night).state_id

    @property
    def store(self) -> StateStore:
        return StateStore(self.county.zones, self.county.keys, "school")

    def persons(self, state: str) -> dict[str, str]:
        """Return student number → record key."""
        rows = self.store.read_vault(state, "person").to_pylist()
        return {row["source_id"]: row["record_key"] for row in rows}

    def enrolled(self, state: str) -> list[str]:
        """Return the record key of every enrollment."""
        rows = self.store.read_content(state, "enrollment").to_pylist()
        return [row["record_key"] for row in rows]

    def standing(self, night: date) -> tuple[str, str | None]:
        (found,) = self.county.ledger.feed_nights(night)
        return found.status, found.code

    def quarantined(self) -> int:
        delivery = self.county.ledger.deliveries("school")[-1]
        return sum(c.quarantined for c in self.county.ledger.table_counts(delivery.id))


@pytest.fixture
def school(county: County, start: Callable[..., Running], tmp_path) -> Iterator[School]:
    """A school with two students, each enrolled once, taken on the first night."""
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        made = School(opened, county, start())
        made.deliver(
            FIRST,
            students=[student(1, "S1", 1), student(2, "S2", 2)],
            demographics=[demographics(1, "S1", 3), demographics(2, "S2", 4)],
            enrollments=[enrollment(1, "S1", 5), enrollment(2, "S2", 6)],
        )
        yield made


@pytest.mark.fault("R7", outcome="accepted")
def test_r7_a_student_whose_number_changes_stays_the_same_person(school):
    """A student's number changes: the record key follows, no event is doubled."""
    before = school.ingest(FIRST)
    keys = school.persons(before)
    school.deliver(
        SECOND,
        key_changes=[renamed(1, "S1", "S1x", 10), renamed(1, "S1x", "S1b", 11)],
        students=[student(1, "S1b", 12)],
        demographics=[demographics(1, "S1b", 13)],
        enrollments=[enrollment(1, "S1b", 14), enrollment(3, "S1b", 15)],
    )
    after = school.ingest(SECOND)
    assert school.persons(after) == {"S1b": keys["S1"], "S2": keys["S2"]}
    assert sorted(school.enrolled(after)) == sorted([*[keys["S1"]] * 2, keys["S2"]])
    assert school.quarantined() == 0
    assert pipeline.check(school.county, "school", SECOND).state_id == after


@pytest.mark.fault("R7", outcome="accepted")
def test_r7_what_the_key_change_does_not_touch_is_not_orphaned(school):
    """Only the key change comes, without the rows that hang on it: they follow too."""
    keys = school.persons(school.ingest(FIRST))
    school.deliver(SECOND, key_changes=[renamed(1, "S1", "S1b", 10)])
    after = school.ingest(SECOND)
    assert school.persons(after) == {"S1b": keys["S1"], "S2": keys["S2"]}
    assert sorted(school.enrolled(after)) == sorted([keys["S1"], keys["S2"]])
    gone = {
        "id": f"{1:032x}",
        "changeVersion": 20,
        "keyValues": {"studentUniqueId": "S1b"},
    }
    school.deliver(THIRD, deletes=[gone])
    assert school.persons(school.ingest(THIRD)) == {"S2": keys["S2"]}


@pytest.mark.fault("R7", code="KEY_REUSED", outcome="held")
def test_r7_a_former_number_given_to_another_student_is_held(school):
    """A former number is given to another student: held, so two are not made one."""
    school.ingest(FIRST)
    school.deliver(SECOND, key_changes=[renamed(1, "S1", "S1b", 10)])
    good = school.ingest(SECOND)
    school.deliver(THIRD, students=[student(9, "S1", 20)])
    with pytest.raises(DeliveryHeld, match="KEY_REUSED") as held:
        school.ingest(THIRD)
    assert "S1" not in str(held.value)
    assert school.standing(THIRD) == ("held", "KEY_REUSED")
    state = school.county.ledger.state_as_of("school", THIRD)
    assert (state.state_id, state.carried) == (good, True)


@pytest.mark.fault("R7", code="KEY_REUSED", outcome="held")
def test_r7_a_change_to_a_number_that_is_taken_is_held(school):
    """A student's number changes to another student's: held."""
    school.ingest(FIRST)
    school.deliver(SECOND, key_changes=[renamed(1, "S1", "S2", 10)])
    with pytest.raises(DeliveryHeld, match="KEY_REUSED"):
        school.ingest(SECOND)


def test_a_deletion_that_gives_an_id_alone_deletes_the_right_student(school):
    """So do hosts of 5.3: no key values, and the id of what was deleted."""
    school.ingest(FIRST)
    school.deliver(SECOND, deletes=[{"id": f"{2:032x}", "changeVersion": 10}])
    after = school.ingest(SECOND)
    assert school.persons(after).keys() == {"S1"}
    assert school.enrolled(after) == [school.persons(after)["S1"]]


@pytest.mark.fault("R7", code="NOTICE_WITHOUT_KEY", outcome="held")
def test_r7_a_key_change_that_does_not_name_its_row_is_held(school):
    """A key change comes without key values: held, not passed over."""
    school.ingest(FIRST)
    school.deliver(SECOND, key_changes=[{"id": f"{1:032x}", "changeVersion": 10}])
    with pytest.raises(DeliveryHeld, match="NOTICE_WITHOUT_KEY"):
        school.ingest(SECOND)
    assert school.standing(SECOND) == ("held", "NOTICE_WITHOUT_KEY")


def reset(school: School) -> None:
    """Restore the school from a backup: versions start again, S2 is gone, S3 is new."""
    folder = school.files.served / "school" / FIRST.isoformat()
    for path in folder.iterdir():
        path.unlink()
    school.deliver(
        SECOND,
        students=[student(1, "S1", 1), student(3, "S3", 2)],
        demographics=[demographics(1, "S1", 3)],
        enrollments=[enrollment(1, "S1", 4)],
    )


@pytest.mark.fault("R8", code="TRACKING_RESET", outcome="held")
def test_r8_after_a_reset_the_county_approves_one_full_refresh(school):
    """Change versions start again: held, until the county approves one full refresh."""
    keys = school.persons(school.ingest(FIRST))
    reset(school)
    with pytest.raises(DeliveryHeld, match="TRACKING_RESET"):
        school.ingest(SECOND)
    assert school.standing(SECOND) == ("held", "TRACKING_RESET")

    county = school.county
    pipeline.approve_full_refresh(county, "school", reason="restored", by="engineer")
    after = school.persons(school.ingest(SECOND))
    assert after.keys() == {"S1", "S3"}
    assert after["S1"] == keys["S1"]
    assert school.enrolled(county.ledger.state_as_of("school", SECOND).state_id) == [
        keys["S1"]
    ]
    assert school.standing(SECOND) == ("checked", None)
    assert events(county, "full_refresh") == [
        ("full_refresh_approved", {"reason": "restored", "by": "engineer"}),
        ("full_refresh_done", {"delivery": county.ledger.deliveries("school")[-1].id}),
    ]

    school.deliver(THIRD, students=[student(4, "S4", 9)])
    assert school.persons(school.ingest(THIRD)).keys() == {"S1", "S3", "S4"}
    archive = Archive(county.zones, county.keys, county.ledger)
    deliveries = county.ledger.deliveries("school")
    assert [archive.receipt(d).whole for d in deliveries] == [True, True, False]


@pytest.mark.fault("R8", code="MASS_ABSENCE", outcome="held")
def test_r8_a_full_refresh_that_lacks_too_many_is_held(school):
    """An approved full refresh lacks half of the students: held, and asked again."""
    many = [student(n, f"S{n}", n) for n in range(1, 121)]
    school.deliver(FIRST, students=many)
    good = school.ingest(FIRST)
    (school.files.served / "school" / FIRST.isoformat() / "students.ndjson").unlink()
    school.deliver(SECOND, students=many[:60])
    pipeline.approve_full_refresh(
        school.county, "school", reason="restored", by="engineer"
    )
    for _ in range(2):  # the approval lasts until a check succeeds
        with pytest.raises(DeliveryHeld, match="MASS_ABSENCE"):
            school.ingest(SECOND)
    assert school.county.ledger.recall("school", "full_refresh")
    state = school.county.ledger.state_as_of("school", SECOND)
    assert (state.state_id, state.carried) == (good, True)


def events(county: pipeline.County, kind: str) -> list[tuple[str, Row]]:
    """Return the ledger's audit events of a kind, in their order."""
    table = schema.audit_event
    query = sa.select(table.c.kind, table.c.facts).where(table.c.kind.startswith(kind))
    with county.ledger.engine.connect() as connection:
        return [(row.kind, row.facts) for row in connection.execute(query)]


def test_a_refresh_is_refused_where_it_means_nothing_or_nobody_answers(school):
    with pytest.raises(ConfigError, match="'sftp' cannot be asked for everything"):
        pipeline.approve_full_refresh(
            school.county, "police_rms", reason="restored", by="engineer"
        )
    with pytest.raises(ConfigError, match="Say why"):
        pipeline.approve_full_refresh(school.county, "school", reason=" ", by="me")
    with pytest.raises(ConfigError, match="no contract for feed 'pupils'"):
        pipeline.approve_full_refresh(school.county, "pupils", reason="x", by="me")
