"""What was deleted for good: gone from what is in force, listed, and destroyed."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.exceptions import IntegrityError
from concord.pipeline.retention import apply_retention, holdings
from concord.sealing import read_table
from concord.settings import Settings
from concord.validation.record_keys import RecordKeys
from tests.support.ledger_tables import tables, without_rebuilding
from tests.support.small_feed import (
    FEED,
    NOTICES,
    Clinic,
    client,
    night,
    opened,
    visit,
)

pytestmark = pytest.mark.xdist_group("restatement")
CANARY = "Zqxexpunged"
GONE = "C00001"


@pytest.fixture
def clinic(tmp_path: Path):
    """Four nights: somebody comes, waits in quarantine as well, and is expunged."""
    with opened(tmp_path, deleteMode="tombstone", deletes=NOTICES) as found:
        person = client(1, last_name=CANARY)
        found.check(
            night(0),
            [client(0), person, client(2)],
            [visit(0), visit(1), visit(2), visit(7, 1, minutes=9999)],
        )
        found.check(night(1), [client(3)], [visit(3)])
        found.check(night(2), [], [], client=[{"client": GONE}])
        found.check(night(3), [client(4)], [visit(4)])
        yield found


def days(clinic: Clinic) -> int:
    contract = clinic.county.registry.contract(FEED)
    return clinic.county.registry.agreement_of(contract).retention_days


def past(clinic: Clinic, number: int) -> date:
    """Return the first day on which a night may be kept no longer."""
    return night(number) + timedelta(days=days(clinic) + 1)


def holders(clinic: Clinic, text: str) -> set[str]:
    """Return the states whose stored tables, decrypted, hold a text."""
    zones, keys = clinic.county.zones, clinic.county.keys
    return {
        path.parent.name
        for zone in ("vault", "content", "quarantine")
        for path in (getattr(zones, zone) / FEED).rglob("*.parquet")
        if text in repr(read_table(path, keys.zone_key(zone)).to_pylist())
    }


def known_numbers(clinic: Clinic) -> list[str]:
    folder = clinic.county.zones.vault / FEED / "person_keys"
    keys = RecordKeys(folder, clinic.county.keys.zone_key("vault"))
    return sorted(keys.load()["original"].to_pylist())


@pytest.mark.fault("R6", outcome="accepted")
def test_r6_who_is_expunged_is_gone_from_everything_in_force(clinic) -> None:
    """A person is expunged: in no zone of what is in force; older holders are told."""
    assert len(clinic.waiting(night(1))) == 1, "a row of theirs waited in quarantine"
    older = {clinic.state(night(0)), clinic.state(night(1))}
    assert holders(clinic, CANARY) == older
    assert holders(clinic, GONE) == {*older, *_versions(clinic)}
    listed = {h.name for h in holdings(clinic.county, FEED) if h.holds_deleted}
    landed = clinic.county.ledger.deliveries(FEED)[:3]
    assert listed == {*older, *(d.id for d in landed)}


def _versions(clinic: Clinic) -> set[str]:
    """Return the versions of the list of keys, which knows them until retention."""
    folder = clinic.county.zones.vault / FEED / "person_keys"
    return {path.name for path in folder.iterdir() if path.name.isdigit()}


@pytest.mark.fault("R6", outcome="accepted")
def test_r6_past_retention_old_rows_originals_and_keys_are_destroyed(clinic) -> None:
    """Past retention, old states, originals and keys go; the newest night stays."""
    assert apply_retention(clinic.county, past(clinic, 0) - timedelta(days=1)) == ()
    newest, base = clinic.state(night(3)), clinic.state(night(2))
    in_force = clinic.visit_ids(night(3)), clinic.client_ids(night(3))

    (done,) = apply_retention(clinic.county, past(clinic, 99))

    assert (done.states, done.deliveries, done.keys) == (2, 3, 1)
    assert holders(clinic, CANARY) == holders(clinic, GONE) == set()
    assert known_numbers(clinic) == ["C00000", "C00002", "C00003", "C00004"]
    assert (clinic.visit_ids(night(3)), clinic.client_ids(night(3))) == in_force
    left = {h.name for h in holdings(clinic.county, FEED)}
    assert left == {newest, base, clinic.county.ledger.deliveries(FEED)[-1].id}
    (receipt,) = clinic.events("destroyed")
    assert (receipt["agreement"], receipt["retention_days"]) == (
        "clinic-2026",
        days(clinic),
    )
    assert (len(receipt["states"]), len(receipt["deliveries"])) == (2, 3)
    assert CANARY not in repr(receipt)
    assert GONE not in repr(receipt)
    assert apply_retention(clinic.county, past(clinic, 99)) == (), "again: nothing"

    clinic.check(night(4), [client(5), client(1)], [visit(5), visit(1)])
    assert "C00005" in known_numbers(clinic), "new keys go on after the destruction"
    assert clinic.visit_ids(night(4)) == [
        "V00000",
        "V00001",
        *in_force[0][1:],
        "V00005",
    ]


def test_only_what_is_past_its_date_goes(clinic) -> None:
    (done,) = apply_retention(clinic.county, past(clinic, 0))
    assert (done.states, done.deliveries) == (1, 1)
    assert holders(clinic, CANARY) == {clinic.state(night(1))}
    with pytest.raises(IntegrityError):
        clinic.visits(night(0))


def test_a_ledger_lost_after_the_destruction_still_comes_back(clinic) -> None:
    apply_retention(clinic.county, past(clinic, 99))
    before = tables(clinic.county.ledger)
    clinic.county.ledger.close()
    home = clinic.county.settings.home
    for path in home.glob("ledger.db*"):
        path.unlink()
    with pipeline.open_county(clinic.county.settings) as bereft:
        assert pipeline.rebuild_ledger(bereft).lost == ()
        assert without_rebuilding(tables(bereft.ledger)) == before


def test_the_commands_list_and_destroy(clinic, wide) -> None:
    settings: Settings = clinic.county.settings
    env = {"CONCORD_HOME": str(settings.home), "CONCORD_PROJECT": str(settings.project)}
    on = ["--on", str(past(clinic, 99))]
    runner = CliRunner()
    listed = runner.invoke(app, ["retention", "list", *on], env=env)
    assert listed.exit_code == 1, "some are overdue"
    assert "concord retention apply" in listed.output
    applied = runner.invoke(app, ["retention", "apply", *on], env=env)
    assert "2 states, 3 landed originals and 1 keys" in applied.output
    again = runner.invoke(app, ["retention", "list", *on], env=env)
    assert again.exit_code == 0
    assert CANARY not in listed.output + applied.output
