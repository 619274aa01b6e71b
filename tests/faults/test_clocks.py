"""Clocks that jump, that are ahead, and that are behind."""

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from concord import pipeline
from concord.contracts.registry import load_registry
from concord.settings import Settings
from tests.support.night_worker import told
from tests.support.police_nights import FEED, content, incidents, nth, transports
from tests.support.small_county import Running
from tests.support.workers import Start, Worker

CONTRACTS = load_registry(Settings()).contracts
ZONE = "America/Chicago"
CRONS = sorted(
    {c.delivery.cadence.nightly_cron for c in CONTRACTS.values() if c.timezone == ZONE}
)
IN_THE_JUMP = ["30 1 * * *", "0 2 * * *", "30 2 * * *"]
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
@pytest.mark.fault("R9", outcome="accepted")
@pytest.mark.parametrize("changed", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("cron", [*CRONS, *IN_THE_JUMP])
def test_r9_the_night_of_a_clock_change_has_one_run(
    cron: str, changed: date, airflow_home
) -> None:
    """The clock is put forward or back: every night has one run, under its own date."""
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable
    from airflow.timetables.base import TimeRestriction

    from concord.orchestration.dates import first_schedulable, nightly

    timetable = decode_timetable(encode_timetable(nightly(cron, ZONE)))
    first = changed - timedelta(days=2)
    allowed = TimeRestriction(first_schedulable(first, ZONE), None, catchup=False)
    runs, last = [], None
    moment = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    with time_machine.travel(moment, tick=False) as clock:
        while moment.date() < changed + timedelta(days=3):
            clock.move_to(moment)
            coming = timetable.next_dagrun_info_v2(
                last_dagrun_info=last, restriction=allowed
            )
            if coming.run_after <= moment:
                runs.append(coming)
                last = coming
            moment += timedelta(minutes=15)

    nights = [run.partition_key for run in runs]
    assert set(Counter(nights).values()) == {1}
    expected = [changed + timedelta(days=n) for n in (-1, 0, 1)]
    assert set(map(str, expected)) <= set(nights)
    for run in runs:
        local = run.run_after.astimezone(ZoneInfo(ZONE))
        assert str(local.date()) == run.partition_key


@pytest.fixture(scope="module")
def _faketime_works() -> None:
    if not shutil.which("faketime"):
        pytest.skip("faketime is not installed")


@pytest.fixture
def connection(police, start: Callable[..., Running]):
    police.deliver(nth(0), [1, 2])
    police.served.clock(nth(99))
    return start().connections[FEED]


def police_worker(
    worker: Start, county: pipeline.County, connection, night: date, skew: str
) -> Worker:
    """Start a worker whose clock is wrong; it lands a night of the police."""
    return worker(
        "police", county.zones.home, told(connection), night,
        under=("faketime", "-f", skew),
    )  # fmt: skip


def landed_at(county: pipeline.County) -> list[datetime]:
    return [d.landed_at.replace(tzinfo=UTC) for d in county.ledger.deliveries(FEED)]


@pytest.mark.enable_socket
@pytest.mark.usefixtures("_faketime_works")
@pytest.mark.fault("R10", outcome="accepted")
@pytest.mark.parametrize("skew", ["+2h", "-2h"], ids=["ahead", "behind"])
def test_r10_a_correction_counts_though_a_clock_was_wrong(
    concord, police, connection, worker, skew: str
) -> None:
    """A clock is two hours ahead or behind: the later delivery of two still counts."""

    def here() -> None:
        pipeline.land(concord, FEED, nth(0), transports(connection))

    def where_the_clock_is_wrong() -> None:
        told_by = police_worker(worker, concord, connection, nth(0), skew)
        assert told_by.stdout.read() == "written\n"

    runs = [where_the_clock_is_wrong, here]
    first, second = runs if skew == "+2h" else reversed(runs)
    first()
    shutil.rmtree(police.served.served / FEED / f"{nth(0):%Y%m%d}")
    police.deliver(nth(0), [1, 2], clearance="A")
    second()

    pipeline.check(concord, FEED, nth(0))

    assert content(concord, nth(0), "incident")["clearance"].to_pylist() == ["A", "A"]
    moments = landed_at(concord)
    assert len(moments) == 2
    ahead = max(moments) - datetime.now(UTC)
    assert (ahead > timedelta(hours=1)) == (skew == "+2h"), "the clock was wrong"


@pytest.mark.enable_socket
@pytest.mark.usefixtures("_faketime_works")
@pytest.mark.fault("R10", outcome="accepted")
def test_r10_a_run_before_its_time_moves_no_watermark_into_the_future(
    concord, police, connection, worker
) -> None:
    """A clock ahead starts a night too early: the watermark stays at what was there."""
    connect = transports(connection)
    arguments = ("police", concord.zones.home, told(connection), nth(9))
    assert (
        worker(*arguments, under=("faketime", "-f", "+9d")).stdout.read() == "written\n"
    )
    pipeline.check(concord, FEED, nth(9))
    assert concord.ledger.watermark(FEED) == f"{nth(0):%Y%m%d}"

    police.deliver(nth(1), [3], since=nth(0))
    pipeline.land(concord, FEED, nth(1), connect)
    pipeline.check(concord, FEED, nth(1))

    assert concord.ledger.watermark(FEED) == f"{nth(1):%Y%m%d}"
    assert incidents(concord, nth(9)) == [1, 2, 3], "the early night was made anew"
