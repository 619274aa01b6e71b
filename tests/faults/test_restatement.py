"""What nights do to one another: corrected, deleted and doubtful rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow.parquet as pq
import pytest

from concord import pipeline
from concord.contracts.registry import load_registry
from concord.exceptions import ContractError, DeliveryHeld
from concord.landing.records import ReleaseRecord, now
from concord.pipeline.county import County
from concord.publication.release import Release
from concord.publication.verify import verify
from concord.settings import Settings
from concord.status import outdated
from tests.support import feeds
from tests.support.small_feed import (
    ACTION,
    DELETED_AT,
    FEED,
    NOTICES,
    UPDATED_AT,
    Clinic,
    client,
    night,
    opened,
    visit,
)

pytestmark = pytest.mark.xdist_group("restatement")
NOW = "2026-01-05T01:00:00"
MODES = {
    "tombstone": {"deletes": NOTICES},
    "action_code": {"marks": (ACTION,)},
    "soft_delete_column": {"marks": (DELETED_AT,)},
    "snapshot_absence": {"mode": "full"},
    "none": {},
}
DELETING = [mode for mode in MODES if mode != "none"]


def first_night(clinic: Clinic, mode: str, persons: int) -> None:
    """Deliver persons with one visit each, as the mode asks for it."""
    marks = {"action": "I"} if mode == "action_code" else {}
    clinic.check(
        night(0),
        [client(n, **marks) for n in range(persons)],
        [visit(n, **marks) for n in range(persons)],
    )


def second_night(clinic: Clinic, mode: str, persons: int, gone: range) -> None:
    """Deliver that some persons and their visits were deleted, as the mode says it."""
    if mode == "tombstone":
        clinic.check(
            night(1),
            client=[{"client": f"C{n:05d}"} for n in gone],
            visit=[{"visit": f"V{n:05d}"} for n in gone],
        )
    elif mode == "snapshot_absence":
        left = [n for n in range(persons) if n not in gone]
        clinic.check(night(1), [client(n) for n in left], [visit(n) for n in left])
    else:
        marks = {"action": "D"} if mode == "action_code" else {"deleted_at": NOW}
        clinic.check(
            night(1),
            [client(n, **marks) for n in gone],
            [visit(n, **marks) for n in gone],
        )


@pytest.mark.fault("R6", outcome="accepted")
@pytest.mark.parametrize("mode", DELETING)
def test_r6_what_an_agency_deletes_is_gone_from_the_next_state(mode, tmp_path) -> None:
    """An agency deletes a person: gone from the next state, the ledger counts it.

    The ledger's tombstone says how many, not whom.
    """
    with opened(tmp_path, deleteMode=mode, **MODES[mode]) as clinic:
        first_night(clinic, mode, 3)
        second_night(clinic, mode, 3, range(1, 2))
        assert clinic.client_ids(night(1)) == ["C00000", "C00002"]
        assert clinic.visit_ids(night(1)) == ["V00000", "V00002"]
        assert clinic.client_ids(night(0)) == ["C00000", "C00001", "C00002"]
        (tombstone,) = clinic.events("deleted")
        assert tombstone == {"night": night(1), "persons": 1, "rows": 2}
        assert "C00001" not in json.dumps(tombstone, default=str)


@pytest.mark.fault("R6", code="MASS_DELETION", outcome="held")
@pytest.mark.parametrize("mode", [m for m in DELETING if m != "snapshot_absence"])
def test_r6_a_mass_deletion_is_held_until_somebody_exempts_it(mode, tmp_path) -> None:
    """Many rows are deleted at once: the delivery is held until a person exempts it."""
    with opened(tmp_path, deleteMode=mode, **MODES[mode]) as clinic:
        first_night(clinic, mode, 120)
        with pytest.raises(DeliveryHeld) as held:
            second_night(clinic, mode, 120, range(20))
        assert held.value.code == "MASS_DELETION"
        assert "20 of 120" in held.value.detail
        assert len(clinic.client_ids(night(1))) == 120, "last good data stay"
        clinic.decide(
            "exemptions",
            *(
                {
                    "rule": f"deleted:{table}",
                    "reason": "The clinic closed a department.",
                    "owner": "data-office@county.example",
                    "expires": night(1),
                }
                for table in ("client", "visit")
            ),
        )
        second_night(clinic, mode, 120, range(20))
        assert len(clinic.client_ids(night(1))) == 100
        rules = {e["rule"] for e in clinic.events("exempted")}
        assert rules == {"deleted:client", "deleted:visit"}


@pytest.mark.fault("R6", code="MASS_ABSENCE", outcome="held")
def test_r6_a_snapshot_that_lacks_many_rows_is_held(tmp_path) -> None:
    """A full snapshot lacks many rows: held, for a broken export looks like that."""
    with opened(tmp_path, mode="full", deleteMode="snapshot_absence") as clinic:
        first_night(clinic, "snapshot_absence", 120)
        with pytest.raises(DeliveryHeld) as held:
            second_night(clinic, "snapshot_absence", 120, range(20))
        assert held.value.code == "MASS_ABSENCE"
        assert "20 of 120" in held.value.detail
        assert len(clinic.client_ids(night(1))) == 120, "last good data stay"
        assert clinic.counts(night(1), "client").quarantined == 100, "every row is kept"


def test_in_mode_none_nothing_is_ever_deleted(tmp_path) -> None:
    with opened(tmp_path, mode="full", deleteMode="none") as clinic:
        clinic.check(night(0), [client(1), client(2)], [visit(1), visit(2)])
        clinic.check(night(1), [client(1)], [visit(1, minutes=33)])
        assert clinic.visit_ids(night(1)) == ["V00001", "V00002"]
        assert [v["minutes"] for v in clinic.visits(night(1))] == [33, 12]


def test_a_deleted_row_that_is_sent_again_is_back(tmp_path) -> None:
    with opened(
        tmp_path, deleteMode="soft_delete_column", marks=(DELETED_AT,)
    ) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        clinic.check(night(1), [], [visit(1, deleted_at=NOW)])
        assert clinic.visit_ids(night(1)) == []
        clinic.check(night(2), [], [visit(1)])
        assert clinic.visit_ids(night(2)) == ["V00001"]


def test_a_deletion_that_cannot_be_read_is_rejected_and_not_taken_for_none(
    tmp_path,
) -> None:
    with opened(
        tmp_path, deleteMode="soft_delete_column", marks=(DELETED_AT,)
    ) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        clinic.check(night(1), [], [visit(1, minutes=5, deleted_at="last week")])
        assert clinic.counts(night(1)).rejected == 1
        assert [v["minutes"] for v in clinic.visits(night(1))] == [11]


def test_a_deletion_counts_though_the_rest_of_the_row_is_wrong(tmp_path) -> None:
    with opened(tmp_path, deleteMode="action_code", marks=(ACTION,)) as clinic:
        clinic.check(night(0), [client(1, action="I")], [visit(1, action="I")])
        blank = {"visit_id": "V00001", "action": "D"}
        clinic.check(night(1), [], [blank])
        assert clinic.visit_ids(night(1)) == []
        assert clinic.counts(night(1)).published == 1


@pytest.mark.parametrize(
    ("mode", "needs"),
    [
        ("soft_delete_column", "client"),
        ("tombstone", "client"),
        ("action_code", "client"),
    ],
)
def test_a_contract_that_cannot_tell_deletions_is_refused(
    mode, needs, tmp_path
) -> None:
    with (
        pytest.raises(ContractError, match=f"'{needs}' cannot say what was deleted"),
        opened(tmp_path, deleteMode=mode),
    ):
        pass


def test_absence_in_an_increment_is_refused(tmp_path) -> None:
    with (
        pytest.raises(ContractError, match="an increment lacks most rows"),
        opened(tmp_path, deleteMode="snapshot_absence"),
    ):
        pass


@pytest.mark.fault("R6", outcome="counted")
def test_r6_releases_that_still_hold_deleted_persons_are_flagged(tmp_path) -> None:
    """A person is deleted after a release: the release is flagged, not changed."""
    with opened(tmp_path, deleteMode="tombstone", deletes=NOTICES) as clinic:
        first_night(clinic, "tombstone", 3)
        ledger = clinic.county.ledger
        for number, day in enumerate((night(0), night(1)), 1):
            inputs = ({"feed": FEED, "night": day.isoformat()},)
            ledger.record_release(
                ReleaseRecord(
                    "research", number, day, "0" * 8, "p", {}, inputs, {}, now()
                )
            )
        assert outdated(ledger) == []
        second_night(clinic, "tombstone", 3, range(1, 2))
        (line,) = outdated(ledger)
        assert line == (
            "research: 1 releases from r000001 to r000001 hold up to 1 persons and 2 "
            f"rows that agencies have deleted since ({FEED}): ask their readers for "
            "their copies"
        )
        (event,) = clinic.events("releases_hold_deleted")
        assert event == {"night": night(1), "profile": "research", "releases": 1}


def test_a_deleted_persons_rows_leave_quarantine_too(tmp_path) -> None:
    with opened(tmp_path, deleteMode="tombstone", deletes=NOTICES) as clinic:
        clinic.check(night(0), [client(1)], [visit(1), visit(2, 1, minutes=-5)])
        assert len(clinic.waiting(night(0))) == 1
        clinic.check(night(1), client=[{"client": "C00001"}])
        assert clinic.waiting(night(1)) == []
        assert clinic.healing(night(1)).withdrawn == 1
        assert clinic.visit_ids(night(1)) == []


@pytest.mark.fault("R5", outcome="accepted")
def test_r5_a_correction_of_an_old_row_makes_a_new_state_and_leaves_the_old(
    tmp_path,
) -> None:
    """Last month's row is corrected: the new night has it, the old one is unchanged."""
    with opened(tmp_path, marks=(UPDATED_AT,)) as clinic:
        clinic.check(night(0), [client(1)], [visit(1, updated_at=NOW)])
        later = "2026-02-05T01:00:00"
        clinic.check(night(31), [], [visit(1, minutes=55, updated_at=later)])
        assert [v["minutes"] for v in clinic.visits(night(0))] == [11]
        assert [v["minutes"] for v in clinic.visits(night(31))] == [55]


def released(county: County, day: date, persons: list, periods: list) -> Release:
    """Take a night of the probation feed all the way to a release."""
    feeds.land(county, day, feeds.Snapshot(persons=persons, periods=periods))
    pipeline.check(county, "probation", day)
    pipeline.link(county, day)
    pipeline.prepare_keymap(county, "research", day)
    return pipeline.publish(county, "research", day, "a test")


def bytes_of(release: Release) -> dict[str, bytes]:
    return {
        path.relative_to(release.path).as_posix(): path.read_bytes()
        for path in release.path.rglob("*")
        if path.is_file()
    }


FIRSTS = ("Anselm", "Quillon", "Brunhild", "Odette", "Xavier", "Yolanda", "Ingmar")
LASTS = ("Vantorre", "Tessmoor", "Okonbirch", "Dunster", "Hollyfen", "Zubrick")


def unlike(number: int) -> dict:
    """Make a person who is taken for nobody else."""
    return feeds.person(
        number,
        name={"first": FIRSTS[number % 7], "last": LASTS[number % 6]},
        birth_date=f"1990{1 + number % 12:02d}{1 + number % 28:02d}",
        address={"street": f"{100 + 37 * number} Elm St", "city": "Springfield"},
    )


@dataclass(frozen=True)
class ThreeReleases:
    """A first release, one after a correction, one after a deletion."""

    county: County
    releases: tuple[Release, Release, Release]
    first_as_published: dict[str, bytes]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeReleases]:
    home = tmp_path_factory.mktemp("probation") / "home"
    with pipeline.open_county(Settings(home=home)) as county:
        persons = [unlike(n) for n in range(40)]
        periods = [feeds.period(n) for n in range(40)]
        corrected = [feeds.period(0, level="HIGH"), *periods[1:]]
        first = released(county, night(0), persons, periods)
        before = bytes_of(first)
        second = released(county, night(31), persons, corrected)
        third = released(county, night(32), persons[:39], corrected[:39])
        yield ThreeReleases(county, (first, second, third), before)


@pytest.mark.fault("R5", outcome="accepted")
def test_r5_a_correction_makes_a_new_release_and_leaves_the_old(three) -> None:
    """A released row is corrected: a new release has it, the old one is unchanged."""
    first, second, _ = three.releases
    assert (first.number, second.number) == (1, 2)
    assert bytes_of(first) == three.first_as_published
    assert verify(first.path).ok
    old, new = (
        pq.read_table(r.path / "supervision_period")["level"].to_pylist()
        for r in (first, second)
    )
    assert (len(set(old)), len(set(new))) == (1, 2)
    changes = (second.path / "CHANGES.md").read_text()
    assert "| `supervision_period` | 40 | 40 | 0 |" in changes
    assert "`supervision_period` has as many rows as before, but other" in changes


@pytest.mark.fault("R6", outcome="accepted")
def test_r6_a_deleted_person_is_not_in_the_next_release(three) -> None:
    """A released person is deleted: not in the next release, older ones are flagged."""
    first, second, third = three.releases
    assert bytes_of(first) == three.first_as_published
    for table in ("person", "supervision_period"):
        rows = [pq.read_table(r.path / table).num_rows for r in (second, third)]
        assert rows == [40, 39]
    assert "| `person` | 40 | 39 | -1 |" in (third.path / "CHANGES.md").read_text()
    assert outdated(three.county.ledger) == [
        "research: 2 releases from r000001 to r000002 hold up to 1 persons and 2 rows "
        "that agencies have deleted since (probation): ask their readers for their "
        "copies"
    ]


AUTUMN, SPRING = "2025-11-02", "2025-03-09"


@pytest.mark.fault("R11", outcome="counted")
def test_r11_local_times_in_the_hours_of_a_clock_change_are_kept_and_counted(
    tmp_path,
) -> None:
    """A local time falls into an hour that came twice or not at all: kept, counted."""
    times = [
        f"{AUTUMN}T01:30:00",  # twice
        f"{AUTUMN}T00:59:59",
        f"{AUTUMN}T02:00:00",
        f"{SPRING}T02:30:00",  # never
        f"{SPRING}T01:59:59",
        f"{SPRING}T03:00:00",
    ]
    with opened(tmp_path) as clinic:
        visits = [visit(n, 1, came_at=text) for n, text in enumerate(times)]
        clinic.check(night(0), [client(1)], visits)
        assert clinic.rules(night(0)) == {"clock:came_at": 2}
        kept = [f"{v['came_at']:%Y-%m-%dT%H:%M:%S}" for v in clinic.visits(night(0))]
        assert kept == times


def test_unknown_keys_and_strange_files_of_decisions_are_refused(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        entry = {
            "rule": "volume:visit",
            "reason": "A holiday week.",
            "owner": "data-office@county.example",
            "expires": date(2026, 1, 9),
        }
        clinic.decide("exemptions", entry)
        for wrong, problem in (
            ({**entry, "unitl": date(2026, 1, 9)}, "unitl"),
            ({**entry, "rule": "volume:nothing"}, "no table 'nothing'"),
            ({**entry, "rule": "empty:visit.nothing"}, "no column 'nothing'"),
            ({**entry, "rule": "everything"}, "rule"),
            ({**entry, "starts": date(2026, 2, 1)}, "expires before it starts"),
        ):
            with pytest.raises(ContractError, match=problem):
                clinic.decide("exemptions", wrong)
        clinic.decide("exemptions", entry)
        (clinic.include / "exemptions" / "clnic.yaml").write_text("exemptions: []\n")
        with pytest.raises(ContractError, match="no feed has this name"):
            load_registry(clinic.county.settings)
