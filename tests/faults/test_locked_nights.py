"""One run a feed and night, whatever its process does: dies, sleeps, comes back."""

import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from concord import pipeline
from concord.exceptions import FeedLocked, LockLost
from concord.landing.ledger import Ledger
from concord.landing.locks import Fence, locked
from concord.landing.schema import feed_lock, metadata
from concord.settings import Settings
from tests.support import postgres
from tests.support.night_worker import FEED, NIGHT, snapshot
from tests.support.workers import Start

SHORT = 0.6  # seconds after which a lock ends that nobody prolongs
pytestmark = pytest.mark.xdist_group("locks")


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger(url)
    yield opened
    with opened.engine.begin() as connection:
        for table in metadata.tables.values():
            connection.execute(sa.delete(table))
    opened.close()


def holder(worker: Start, url: str, seconds: float) -> subprocess.Popen[str]:
    """Start a worker and wait until it has taken the night."""
    process = worker("hold", url, seconds)
    assert process.stdout.readline() == "taken\n"
    return process


def go_on(process: subprocess.Popen[str]) -> str:
    """Let a worker write; returns what it says at its end."""
    told, _ = process.communicate("go on\n", timeout=30)
    return told.strip()


def is_stopped(process: subprocess.Popen[str]) -> bool:
    state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "T"


def take_when_free(ledger: Ledger) -> tuple[str, ...]:
    """Take the night as soon as its lock ends, write, and say what was met before."""
    met = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with locked(ledger, FEED, NIGHT, 60) as mine:
                mine.record_feed_night(FEED, NIGHT, "checked", state_id="ours")
                return tuple(met)
        except FeedLocked as error:
            met.append(error.code)
            time.sleep(0.05)
    raise AssertionError("the lock never ended")


def standing(ledger: Ledger) -> list[tuple[str, str | None]]:
    return [(n.status, n.state_id) for n in ledger.feed_nights(NIGHT)]


def tokens(ledger: Ledger) -> list[int]:
    with ledger.engine.connect() as connection:
        return list(connection.execute(sa.select(feed_lock.c.token)).scalars())


def test_of_two_processes_one_is_told_that_the_night_is_locked(
    worker, url, ledger
) -> None:
    first = holder(worker, url, 60)

    assert go_on(worker("hold", url, 60)) == "LOCKED"
    assert standing(ledger) == []
    assert go_on(first) == "written"
    assert take_when_free(ledger) == ()
    assert tokens(ledger) == [2]


def test_a_dead_holder_loses_the_night_after_its_time(worker, url, ledger) -> None:
    process = holder(worker, url, SHORT)
    process.kill()
    process.wait()

    met = take_when_free(ledger)

    assert set(met) == {"LOCKED"}
    assert tokens(ledger) == [2]
    assert standing(ledger) == [("checked", "ours")]


def test_a_stopped_holder_that_wakes_up_cannot_write(worker, url, ledger) -> None:
    process = holder(worker, url, SHORT)
    process.send_signal(signal.SIGSTOP)
    take_when_free(ledger)
    process.send_signal(signal.SIGCONT)

    assert go_on(process) == "LOCK_LOST"
    assert standing(ledger) == [("checked", "ours")]


def test_a_holder_at_work_keeps_the_night_beyond_its_time(ledger) -> None:
    with locked(ledger, FEED, NIGHT, 2) as mine:
        time.sleep(3)
        with pytest.raises(FeedLocked), locked(ledger, FEED, NIGHT, 60):
            pass
        mine.confirm()


def test_every_write_of_a_loser_is_refused(ledger) -> None:
    with locked(ledger, FEED, NIGHT, 60):
        loser = ledger.under(Fence(FEED, NIGHT, "somebody else", 1, 60))
        for write in (
            lambda: loser.advance(FEED, "c", NIGHT),
            lambda: loser.record_feed_night(FEED, NIGHT, "checked", state_id="x"),
            lambda: loser.record_outcome("d", "checked", [], []),
            lambda: loser.record_event("late", NIGHT, FEED),
            lambda: loser.supersede_held(FEED, NIGHT),
            lambda: loser.confirm(),
        ):
            with pytest.raises(LockLost) as refused:
                write()
            assert refused.value.code == "LOCK_LOST"
    assert ledger.watermark(FEED) is None
    assert standing(ledger) == []


def test_other_feeds_and_nights_are_free(ledger) -> None:
    tomorrow = date(2026, 1, 6)
    with (
        locked(ledger, FEED, NIGHT, 60),
        locked(ledger, "school", NIGHT, 60),
        locked(ledger, FEED, tomorrow, 60),
    ):
        pass
    assert tokens(ledger) == [1, 1, 1]


@pytest.fixture
def county(tmp_path: Path) -> Iterator[pipeline.County]:
    with pipeline.open_county(Settings(home=tmp_path / "home")) as opened:
        yield opened


def land(county: pipeline.County) -> tuple[str, ...]:
    return pipeline.land(county, FEED, NIGHT, lambda _: snapshot())


def test_a_second_run_is_told_and_joins_when_the_night_is_done(county) -> None:
    with locked(county.ledger, FEED, NIGHT, 60):
        for step in (lambda: land(county), lambda: pipeline.check(county, FEED, NIGHT)):
            with pytest.raises(FeedLocked):
                step()
    landed = land(county)
    pipeline.check(county, FEED, NIGHT)

    def nobody(_):
        raise AssertionError("a night that is done is not fetched again")

    assert pipeline.land(county, FEED, NIGHT, nobody) == landed
    assert [n.status for n in county.ledger.feed_nights(NIGHT)] == ["checked"]


def test_a_zombie_lands_nothing_after_another_took_over(county, worker) -> None:
    """Stopped with all bytes fetched; its folder does not appear when it wakes up."""
    zombie = worker("land", county.zones.home, SHORT)
    while not is_stopped(zombie):
        time.sleep(0.02)
    time.sleep(SHORT)
    (delivery,) = land(county)
    with locked(county.ledger, FEED, NIGHT, 60):
        zombie.send_signal(signal.SIGCONT)
        assert zombie.communicate(timeout=30)[0].strip() == "LOCK_LOST"

    assert [d.id for d in county.ledger.deliveries(FEED)] == [delivery]
    folders = list((county.zones.landing / FEED / str(NIGHT)).iterdir())
    assert [f.name for f in folders] == [delivery.rsplit(":", 1)[1]]
    assert not list(county.zones.landing.rglob("*.part"))
