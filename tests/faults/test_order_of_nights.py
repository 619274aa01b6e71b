"""What nights can do to one another: repeated, repacked, late, out of order."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from concord import pipeline
from concord.exceptions import DeliveryHeld, DeliveryNotReady
from concord.landing.schema import audit_event
from tests.support.police_nights import (
    FEED,
    Police,
    content,
    incidents,
    nth,
    repacked,
    transports,
    with_delivery,
)
from tests.support.small_county import Running

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("nights-of-police")]


@pytest.fixture
def connect(police: Police, start: Callable[..., Running]):
    police.deliver(nth(0), [1, 2])
    police.served.clock(nth(99))  # the server shows whatever lies there
    return transports(start().connections[FEED])


def run(county: pipeline.County, night: date, connect):
    """Land and check one night; returns the check's counts."""
    pipeline.land(county, FEED, night, connect)
    return pipeline.check(county, FEED, night)


def events(county: pipeline.County, kind: str) -> list[dict]:
    query = sa.select(audit_event.c.facts).where(audit_event.c.kind == kind)
    with county.ledger.engine.connect() as connection:
        return list(connection.execute(query).scalars())


def standing(county: pipeline.County) -> dict[date, tuple[str, str | None]]:
    return {n.night: (n.status, n.code) for n in county.ledger.feed_nights()}


def landed_bytes(county: pipeline.County) -> list[Path]:
    return sorted(county.zones.landing.rglob("*.age"))


@pytest.mark.fault("R1", outcome="accepted")
def test_r1_the_same_file_twice_changes_nothing_and_is_noted(
    concord, police, connect
) -> None:
    """The same file comes twice: it is taken once, and the ledger notes both."""
    first = pipeline.land(concord, FEED, nth(0), connect)
    before = landed_bytes(concord)
    assert pipeline.land(concord, FEED, nth(0), connect) == first
    result = pipeline.check(concord, FEED, nth(0))

    assert landed_bytes(concord) == before
    assert [d.id for d in concord.ledger.deliveries(FEED)] == list(first)
    assert [e["delivery"] for e in events(concord, "landed")] == list(first)
    assert [e["delivery"] for e in events(concord, "landed_again")] == list(first)
    assert run(concord, nth(0), connect) == result
    assert incidents(concord, nth(0)) == [1, 2]


@pytest.mark.fault("R2", outcome="accepted")
def test_r2_the_same_content_packed_anew_is_recognised(
    concord, police, connect
) -> None:
    """The same rows come packed anew, in other bytes: their content is recognised."""
    packed = with_delivery(concord, packing="gzip")
    folder = police.served.served / FEED / f"{nth(0):%Y%m%d}"
    shutil.rmtree(folder)
    police.deliver(nth(0), [1, 2], pack=repacked(1))
    first = pipeline.land(packed, FEED, nth(0), connect)
    shutil.rmtree(folder)
    police.deliver(nth(0), [1, 2], pack=repacked(9))
    assert pipeline.land(packed, FEED, nth(0), connect) == first
    result = pipeline.check(packed, FEED, nth(0))

    assert result.received == result.published == 6
    assert len(concord.ledger.deliveries(FEED)) == 1
    assert len(events(concord, "landed_again")) == 1
    assert list(concord.zones.scratch.iterdir()) == []


@pytest.mark.fault("R3", code="NOT_DELIVERED", outcome="waits")
def test_r3_a_late_file_restates_its_own_night(concord, police, connect) -> None:
    """A night's file comes a night late: carried forward, then applied as its own."""
    run(concord, nth(0), connect)
    with pytest.raises(DeliveryNotReady, match="NOT_DELIVERED"):
        pipeline.land(concord, FEED, nth(1), connect)
    carried = concord.ledger.state_as_of(FEED, nth(1))
    assert (carried.night, carried.carried) == (nth(0), True)

    police.deliver(nth(1), [2, 3], since=nth(0), clearance="A")
    police.deliver(nth(2), [3, 4], since=nth(1), clearance="B")
    run(concord, nth(2), connect)

    assert incidents(concord, nth(1)) == [1, 2], "what was published stays"
    assert incidents(concord, nth(2)) == [1, 2, 3, 4]
    cleared = content(concord, nth(2), "incident").sort_by("incident_id")
    assert cleared["clearance"].to_pylist() == [None, "A", "B", "B"]
    deliveries = concord.ledger.deliveries(FEED)
    assert [(d.night, d.landed_on) for d in deliveries] == [
        (nth(0), nth(0)),
        (nth(1), nth(2)),
        (nth(2), nth(2)),
    ]
    assert standing(concord)[nth(1)] == ("late", "NOT_DELIVERED")


@pytest.mark.fault("R3", outcome="accepted")
def test_r3_a_backfill_restates_the_late_night_and_those_on_it(
    concord, police, connect
) -> None:
    """A night that was never taken is filled: it and the nights on it are made anew."""
    run(concord, nth(0), connect)
    police.deliver(nth(2), [3, 4])
    run(concord, nth(2), connect)
    assert incidents(concord, nth(2)) == [1, 2, 3, 4]
    police.deliver(nth(1), [3, 9], clearance="A")

    (filled,) = pipeline.backfill(concord, [FEED], nth(1), nth(1), connect)

    assert filled.nights == {nth(1): "checked"}
    assert filled.restated == (nth(2),)
    assert incidents(concord, nth(1)) == [1, 2, 3, 9]
    assert incidents(concord, nth(2)) == [1, 2, 3, 4, 9]
    newest = content(concord, nth(2), "incident").sort_by("incident_id")
    assert newest["clearance"].to_pylist() == [None, None, None, None, "A"]
    assert concord.ledger.watermark(FEED) == f"{nth(2):%Y%m%d}"


@pytest.mark.fault("R4", code="WINDOW_GAP", outcome="held")
def test_r4_nights_out_of_order_are_applied_in_order(concord, police, connect) -> None:
    """A night comes before the one it builds on: held until both can go in order."""
    run(concord, nth(0), connect)
    police.deliver(nth(2), [1], since=nth(1), clearance="B")
    with pytest.raises(DeliveryHeld, match="WINDOW_GAP"):
        run(concord, nth(2), connect)
    assert concord.ledger.watermark(FEED) == f"{nth(0):%Y%m%d}"

    police.deliver(nth(1), [1, 3], since=nth(0), clearance="A")
    police.deliver(nth(3), [4], since=nth(2))
    run(concord, nth(3), connect)

    newest = content(concord, nth(3), "incident").sort_by("incident_id")
    assert newest["clearance"].to_pylist() == ["B", None, "A", None]
    assert concord.ledger.watermark(FEED) == f"{nth(3):%Y%m%d}"
    with pytest.raises(DeliveryNotReady):
        pipeline.land(concord, FEED, nth(1), connect)
    assert concord.ledger.watermark(FEED) == f"{nth(3):%Y%m%d}", "never backward"


@pytest.mark.fault("F39", code="REDELIVERED", outcome="waits")
def test_f39_yesterdays_files_under_todays_name_are_not_taken(
    concord, police, connect
) -> None:
    """Yesterday's files come under today's name: late until the night's own come."""
    run(concord, nth(0), connect)
    yesterday = police.served.served / FEED / f"{nth(0):%Y%m%d}"
    today = yesterday.with_name(f"{nth(1):%Y%m%d}")
    shutil.copytree(yesterday, today)
    before = landed_bytes(concord)

    with pytest.raises(DeliveryNotReady) as refused:
        pipeline.land(concord, FEED, nth(1), connect)

    assert refused.value.code == "REDELIVERED"
    assert "NUMBER1" not in str(refused.value)
    assert standing(concord)[nth(1)] == ("late", "REDELIVERED")
    assert landed_bytes(concord) == before
    assert list(concord.zones.scratch.iterdir()) == []
    police.deliver(nth(2), [5], since=nth(1))
    with pytest.raises(DeliveryNotReady, match="REDELIVERED"):
        pipeline.land(concord, FEED, nth(2), connect)
    shutil.rmtree(today)
    police.deliver(nth(1), [3], since=nth(0))
    run(concord, nth(2), connect)
    assert incidents(concord, nth(2)) == [1, 2, 3, 5], "no night is missing"


@pytest.mark.fault("F39", outcome="accepted")
def test_f39_two_quiet_nights_are_alike_and_both_count(
    concord, police, connect
) -> None:
    """Two nights without a change have the same empty files: both are nights."""
    run(concord, nth(0), connect)
    for night in (nth(1), nth(2)):
        police.deliver(night, [], since=nth(0))
        run(concord, night, connect)
    assert [status for status, _ in standing(concord).values()] == ["checked"] * 3


def test_a_held_folder_counts_when_it_is_offered_again(
    concord, police, connect
) -> None:
    """What was held on one night is checked on the next, before what builds on it."""
    run(concord, nth(0), connect)
    police.deliver(nth(1), [3], since=nth(0))
    pipeline.land(concord, FEED, nth(1), connect)
    (delivery,) = pipeline.landed(concord, FEED, nth(1))
    concord.ledger.record_outcome(delivery.id, "held", [], [])
    police.deliver(nth(2), [4], since=nth(1))

    run(concord, nth(2), connect)

    assert incidents(concord, nth(2)) == [1, 2, 3, 4]
