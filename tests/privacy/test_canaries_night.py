"""Canaries walk through every real feed, and are seen nowhere but where they may be."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.landing.archive import Archive
from concord.pipeline import rehearsing
from concord.pipeline.canaries import EACH, canaries
from concord.pipeline.county import County, open_county
from concord.pipeline.rehearsing import DONE, Rehearsal, rehearse
from concord.settings import Settings
from tests.support.small_feed import opened

NIGHT = date(2026, 1, 5)
REGISTRY = load_registry(Settings())


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with open_county(Settings(home=tmp_path_factory.mktemp("county"))) as county:
        yield county


@pytest.fixture(scope="module")
def rehearsal(county: County) -> Rehearsal:
    return rehearse(county, NIGHT, b"k" * 32)


def test_every_feed_takes_its_canaries_and_holds_a_broken_delivery(
    rehearsal: Rehearsal,
) -> None:
    for feed in REGISTRY.contracts:
        assert rehearsal.outcomes[f"{feed}, whole"] == DONE
        assert rehearsal.outcomes[f"{feed}, a column missing"] == "COLUMN_MISSING"


def test_the_night_goes_on_to_a_release_and_a_report(rehearsal: Rehearsal) -> None:
    steps = ("link", "keymap of research", "release research", "report")
    went = {step: rehearsal.outcomes[step] for step in steps}
    assert went == dict.fromkeys(steps, DONE)
    assert rehearsal.stopped == ()


def test_every_canary_is_in_the_vault_or_quarantine_and_nowhere_else(
    rehearsal: Rehearsal,
) -> None:
    assert rehearsal.seen.passed
    assert rehearsal.seen.sought >= 6 * EACH
    assert [f for one in rehearsal.looked for f in one.findings] == []
    assert len(rehearsal.looked) > 100


def test_nothing_of_it_stays(county: County, rehearsal: Rehearsal) -> None:
    assert list(county.zones.scratch.iterdir()) == []
    assert county.ledger.nights() == ()


@pytest.mark.parametrize("feed", sorted(REGISTRY.contracts))
def test_canaries_of_a_feed_are_unique_to_each_person(feed: str) -> None:
    numbers = iter(range(100_000))
    flock = canaries(REGISTRY.contracts[feed], NIGHT, lambda most: next(numbers) % most)

    assert len(flock.tokens) == EACH
    assert all(flock.tokens)
    assert set(flock.rows) == {t.name for t in REGISTRY.contracts[feed].tables}


def test_a_step_that_tells_a_value_turns_it_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaky(self: Archive, contract, agreement, transport, drop, **_: object) -> None:
        row = transport.flock.rows["client"][0]
        raise KeyError(f"{row['first_name']}")

    monkeypatch.setattr(rehearsing.Archive, "land", leaky)
    with opened(tmp_path) as clinic:
        made = rehearse(clinic.county, NIGHT, b"k" * 32)

    assert made.outcomes["clinic, whole"] == "KeyError"
    assert {f.artefact for one in made.looked for f in one.findings} == {"told.log"}
    assert not made.seen.passed
