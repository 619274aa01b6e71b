"""What only the ledger knows is noted beside the data, and comes back from there."""

from dataclasses import replace
from datetime import date

import pytest

from concord import pipeline
from concord.exceptions import DeliveryHeld
from concord.landing.history import CrossCheck
from concord.landing.journal import Journal, Note
from concord.landing.staging import StagedLedger
from concord.settings import Settings
from tests.support.ledger_tables import BEGIN_ANEW, tables, without_rebuilding
from tests.support.small_feed import FEED, NOTICES, client, night, opened, visit


def rebuilt(county: pipeline.County) -> tuple[pipeline.rebuilding.Rebuilt, dict]:
    """Lose the ledger, rebuild it, and return what came back."""
    home = county.settings.home
    county.ledger.close()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (home / name).unlink(missing_ok=True)
    settings = Settings(home=home, project=county.settings.project)
    with pipeline.open_county(settings) as bereft:
        told = pipeline.rebuild_ledger(bereft)
        return told, without_rebuilding(tables(bereft.ledger))


@pytest.mark.xdist_group("restatement")
def test_every_table_of_a_lost_ledger_comes_back_as_it_was(tmp_path) -> None:
    """A feed's nights: quarantine, deletion, a hold made up for and one that lasts."""
    with opened(
        tmp_path, deleteMode="tombstone", deletes=NOTICES, maxBadShare=0.4
    ) as clinic:
        bad = visit(9, 2, minutes=9999)
        clinic.check(night(0), [client(n) for n in range(20)], [*map(visit, range(20))])
        clinic.check(night(1), [client(1)], [*map(visit, range(5)), bad])
        many = [visit(n, minutes=9999) for n in range(20)]
        with pytest.raises(DeliveryHeld):
            clinic.check(night(2), [client(2)], many)
        clinic.check(
            night(3), [client(3)], [visit(9, 2)], client=[{"client": "C00001"}]
        )
        with pytest.raises(DeliveryHeld):
            clinic.check(night(4), [client(4)], many[:19])
        county, ledger = clinic.county, clinic.county.ledger
        ledger.record_feed_night(
            FEED, night(5), "late", code="NOT_DELIVERED", detail="-", remedy="-"
        )
        ledger.record_feed_night(FEED, night(6), "on_time", detail="-")
        ledger.remember(FEED, "export", "a place")
        ledger.history.record_cross_checks(night(4), [CrossCheck(night(4), "c", 2, 3)])
        clinic.land(night(7), {"client": [client(7)], "visit": []}, {})
        staged = replace(county, ledger=StagedLedger(ledger, FEED))
        pipeline.ingest.check_alone(staged, FEED, night(7))
        before = tables(ledger)
        assert not [t for t, rows in before.items() if not rows and t not in ELSEWHERE]
        told, after = rebuilt(county)
        assert told.lost == ()
        for name, rows in before.items():
            assert after[name] == rows, name
    assert set(BEGIN_ANEW) == {"feed_lock"}


ELSEWHERE = ("linkage_run", "release", "release_event")
"""Proved by test_ledger_rebuilt.py, and for the gate by test_releases_approved.py."""


def test_a_line_that_a_killed_process_left_is_named_and_the_rest_comes_back(
    tmp_path,
) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        (path,) = Journal(clinic.county.zones.landing).folder.glob("*.jsonl")
        assert path.stat().st_mode & 0o777 == 0o600
        with path.open("ab") as file:
            file.write(b'{"kind": "eve')
        clinic.county.ledger.record_event("rows_returned", night(0), FEED, rows=1)
        before = tables(clinic.county.ledger)
        told, after = rebuilt(clinic.county)
        assert after == before
        (lost,) = told.lost
        assert f"of the journal {path.name} is damaged" in lost


def test_the_journal_holds_no_value_of_a_row(tmp_path) -> None:
    with opened(tmp_path, maxBadShare=0.4) as clinic:
        canary = client(1, last_name="Zqxcanary")
        with pytest.raises(DeliveryHeld):
            clinic.check(
                night(0), [canary], [visit(n, minutes=9999) for n in range(20)]
            )
        notes = list(Journal(clinic.county.zones.landing).notes())
        assert {n.kind for n in notes if isinstance(n, Note)} >= {"event", "outcome"}
        assert "Zqxcanary" not in repr(notes)
        assert "9999" not in repr(notes)


def test_without_a_journal_what_can_be_derived_comes_back(tmp_path) -> None:
    with opened(tmp_path) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        for path in Journal(clinic.county.zones.landing).folder.iterdir():
            path.unlink()
        before = tables(clinic.county.ledger)
        told, after = rebuilt(clinic.county)
        assert told.lost == (pipeline.rebuilding.UNJOURNALED,)
        for name in ("delivery", "table_count", "healing", "deletion"):
            assert after[name] == before[name], name
        assert [n["night"] for n in after["feed_night"]] == [date(2026, 1, 5)]
