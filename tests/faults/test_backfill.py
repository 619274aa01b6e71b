"""Ninety past nights are filled while the nightly run goes on."""

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from concord import pipeline
from concord.exceptions import FeedLocked
from concord.landing.staging import StagedLedger
from concord.publication.reading import current, history
from tests.support.feeds import Snapshot, period, person
from tests.support.night_worker import told
from tests.support.police_nights import FEED, incidents, nth, transports
from tests.support.small_county import Running
from tests.support.workers import Start, Worker

NIGHTS = 90
TONIGHT = nth(NIGHTS)
pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("backfill")]


@pytest.fixture
def connection(police, start: Callable[..., Running]):
    for number in range(NIGHTS):
        before = nth(number - 1) if number else None
        police.deliver(nth(number), [number, number + 1000], since=before)
    police.served.clock(TONIGHT)
    return start().connections[FEED]


def stranger(number: int) -> dict[str, object]:
    """Make a person who resembles no other."""
    letters = hashlib.sha256(str(number).encode()).hexdigest()
    word = letters.translate(str.maketrans("0123456789", "ghijklmnop"))
    return person(
        number,
        name={"first": word[:6], "middle": None, "last": word[6:14]},
        birth_date=f"199{number % 10}{number % 12 + 1:02d}{number % 28 + 1:02d}",
        address={"street": f"{number} {word[14:20]} St"},
    )


def nightly(county: pipeline.County, night: date) -> int:
    """Run a night of everyone but the police; returns the release's number."""
    people = range(1, 41)
    snapshot = Snapshot(
        persons=[stranger(n) for n in people], periods=[period(n) for n in people]
    )
    pipeline.land(county, "probation", night, lambda _: snapshot)
    pipeline.check(county, "probation", night)
    pipeline.link(county, night)
    pipeline.prepare_keymap(county, "research", night)
    return pipeline.publish(county, "research", night, "nightly").number


class Reader(threading.Thread):
    """Reads what is current, over and over: how many incidents there are."""

    def __init__(self, county: pipeline.County) -> None:
        super().__init__(daemon=True)
        self.releases = county.zones.releases
        self.seen: set[int] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05):
            path = current(self.releases, "research")
            if path is not None:
                query = f"SELECT count(*) FROM '{path}/incident/*.parquet'"
                self.seen.add(duckdb.connect().execute(query).fetchall()[0][0])


def lines_of(process: Worker, count: int) -> list[str]:
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.fault("R12", code="LOCKED", outcome="waits")
def test_r12_ninety_nights_are_filled_beside_the_nightly_run(
    concord, connection, worker: Start
) -> None:
    """Ninety past nights are filled beside the nightly run: one release, never half."""
    nightly(concord, TONIGHT)
    reader = Reader(concord)
    reader.start()
    process = worker(
        "backfill", concord.zones.home, told(connection), nth(0), nth(NIGHTS - 1)
    )
    assert lines_of(process, 20) == [f"{nth(n)} checked" for n in range(20)]

    with pytest.raises(FeedLocked, match="a backfill has the feed"):
        pipeline.land(concord, FEED, TONIGHT, transports(connection))
    assert nightly(concord, nth(NIGHTS + 1)) == 2
    assert concord.ledger.state_as_of(FEED, TONIGHT) is None, "not the first twenty"
    assert len(StagedLedger(concord.ledger, FEED).staged()) >= 20

    rest = process.communicate(timeout=300)[0].split("\n")
    reader.done.set()
    reader.join()
    assert rest[-3:] == ["r000003", "written", ""]
    assert len(history(concord.zones.releases, "research")) == 3
    assert reader.seen <= {0, 2 * NIGHTS}
    (row,) = [i for i in concord.ledger.releases()[-1].inputs if i["feed"] == FEED]
    assert (row["night"], row["carried"]) == (str(nth(NIGHTS - 1)), True)
    assert len(incidents(concord, nth(NIGHTS - 1))) == 2 * NIGHTS
    assert len(incidents(concord, nth(44))) == 2 * 45, "each night as of itself"
    assert concord.ledger.watermark(FEED) == f"{nth(NIGHTS - 1):%Y%m%d}"
    assert list(concord.zones.scratch.iterdir()) == []


@pytest.mark.fault("R12", outcome="accepted")
def test_r12_a_backfill_that_was_killed_is_finished_by_the_next_run(
    concord, connection, worker: Start
) -> None:
    """A backfill is killed in the middle: what it did is kept, nothing is missing."""
    quick = concord.settings.model_copy(update={"lock_seconds": 1.0})
    process = worker(
        "backfill", concord.zones.home, told(connection), nth(0), nth(9), under=(
            "env", "CONCORD_LOCK_SECONDS=1",
        ),
    )  # fmt: skip
    lines_of(process, 4)
    process.kill()
    process.wait()
    time.sleep(1)  # the dead worker's lock
    done = len(StagedLedger(concord.ledger, FEED).staged())
    assert 4 <= done < 10
    assert concord.ledger.watermark(FEED) is None

    with pipeline.open_county(quick) as county:
        (filled,) = pipeline.backfill(
            county, [FEED], nth(0), nth(9), transports(connection)
        )

    assert set(filled.nights.values()) == {"checked"}
    assert len(incidents(concord, nth(9))) == 20
    assert len(concord.ledger.deliveries(FEED)) == 10
    assert StagedLedger(concord.ledger, FEED).staged() == ()
    assert concord.ledger.watermark(FEED) == f"{nth(9):%Y%m%d}"
