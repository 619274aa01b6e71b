"""A ledger that was lost comes back from what lies beside the data."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord import pipeline
from concord.cli import app
from concord.demo.story import FEEDS, NIGHTS
from concord.exceptions import ConfigError, IntegrityError
from concord.landing.ledger import Ledger
from concord.publication.reading import current, history
from concord.settings import Settings
from tests.support.feeds import MONTHLY
from tests.support.ledger_tables import tables, without_rebuilding

pytestmark = pytest.mark.xdist_group("nights")
LEDGER = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


def deliveries(county: pipeline.County) -> int:
    return sum(len(county.ledger.deliveries(feed)) for feed in FEEDS)


def checked(county: pipeline.County) -> int:
    return sum(n.status == "checked" for n in county.ledger.feed_nights())


@pytest.fixture(scope="module")
def lost(county) -> dict:
    """The tables of the ledger that is going to be lost."""
    empty = ("staged_night", "transport_memory", "release_event")
    # Of these: test_journal.py and test_releases_approved.py.
    return {n: rows for n, rows in tables(county.ledger).items() if n not in empty}


@pytest.fixture(scope="module")
def bereft(lost, nights, county, tmp_path_factory) -> Iterator[pipeline.County]:
    """The three nights' data root after its ledger was lost and rebuilt."""
    home = tmp_path_factory.mktemp("bereft") / "home"
    shutil.copytree(
        nights.home, home, symlinks=True, ignore=shutil.ignore_patterns(*LEDGER)
    )
    with pipeline.open_county(Settings(home=home)) as opened:
        rebuilt = pipeline.rebuild_ledger(opened)
        known = (deliveries(county), checked(county))
        assert (rebuilt.deliveries, rebuilt.nights) == known
        assert (rebuilt.linkages, rebuilt.releases) == (3, 3)
        yield opened


def test_deliveries_come_back_with_what_became_of_every_row(county, bereft) -> None:
    for feed in FEEDS:
        known = county.ledger.deliveries(feed)
        assert bereft.ledger.deliveries(feed) == known
        for delivery in known:
            before = county.ledger.table_counts(delivery.id)
            assert bereft.ledger.table_counts(delivery.id) == before
            if delivery.state == "checked":
                rules = county.ledger.rule_counts(delivery.id)
                assert bereft.ledger.rule_counts(delivery.id) == rules


def test_watermarks_and_states_come_back(county, bereft) -> None:
    for feed in FEEDS:
        assert bereft.ledger.watermark(feed) == county.ledger.watermark(feed)
        for night in NIGHTS:
            state = county.ledger.state_as_of(feed, night)
            assert bereft.ledger.state_as_of(feed, night) == state
            columns = county.ledger.column_counts(feed, state.state_id)
            assert bereft.ledger.column_counts(feed, state.state_id) == columns


def test_linkages_and_releases_come_back(county, bereft) -> None:
    for night in NIGHTS:
        before = county.ledger.linkage_as_of(night)
        assert bereft.ledger.linkage_as_of(night) == before
    assert bereft.ledger.releases() == county.ledger.releases()


def test_every_table_comes_back_as_it_was(lost, bereft) -> None:
    found = without_rebuilding(tables(bereft.ledger))
    for name, rows in lost.items():
        assert rows, name
        assert found[name] == rows, name


def test_nothing_is_published_twice_and_the_next_night_goes_on(nights, bereft) -> None:
    releases = bereft.zones.releases
    for feed in set(FEEDS) - {MONTHLY}:
        pipeline.check(bereft, feed, NIGHTS[2])
    pipeline.link(bereft, NIGHTS[2])
    pipeline.prepare_keymap(bereft, "research", NIGHTS[2])
    again = pipeline.publish(bereft, "research", NIGHTS[2], "again")
    assert again.reused
    assert len(history(releases, "research")) == len(bereft.ledger.releases()) == 3

    tomorrow = NIGHTS[2] + timedelta(days=1)
    pipeline.link(bereft, tomorrow)
    pipeline.prepare_keymap(bereft, "research", tomorrow)
    following = pipeline.publish(bereft, "research", tomorrow, "next")
    assert (following.number, following.reused) == (4, False)
    assert current(releases, "research") == following.path
    before, after = (nights.person_ids(bereft, n) for n in (NIGHTS[2], tomorrow))
    assert before == after


def test_a_ledger_that_is_not_empty_is_left_alone(county) -> None:
    with pytest.raises(ConfigError, match="not empty"):
        pipeline.rebuild_ledger(county)


def test_a_damaged_receipt_is_named_and_the_rest_comes_back(
    nights, county, tmp_path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(
        nights.home, home, symlinks=True, ignore=shutil.ignore_patterns(*LEDGER)
    )
    receipt = min((home / "landing" / "school").glob("*/*/receipt.json"))
    receipt.write_bytes(receipt.read_bytes()[:-9])
    answer = CliRunner().invoke(
        app, ["ledger", "rebuild"], env={"CONCORD_HOME": str(home), "COLUMNS": "200"}
    )
    assert answer.exit_code == 0, answer.output
    assert f"rebuilt: {deliveries(county) - 1} deliveries" in answer.output
    assert f"a delivery of school: {receipt.parent.name}" in answer.output


def test_a_damaged_ledger_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this was a ledger once" * 1000)
    with pytest.raises(IntegrityError, match="concord ledger rebuild"):
        Ledger(f"sqlite:///{path}")
