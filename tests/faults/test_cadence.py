"""A feed that does not come every night: on time between deliveries, late after."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import asyncssh
import pytest

from concord import pipeline, status
from concord.contracts.registry import load_registry
from concord.exceptions import DeliveryNotReady, TransportError
from concord.landing.history import PastDelivery
from concord.landing.records import FeedNight
from concord.publication.manifest import read_manifest
from concord.reporting.collecting import Collector
from concord.reporting.rendering import night_html
from concord.settings import Settings
from concord.validation import drift
from tests.support.police_nights import (
    FEED,
    Police,
    incidents,
    transports,
    with_delivery,
)
from tests.support.small_county import Running

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("nights-of-police")]
JANUARY, FEBRUARY = date(2026, 1, 5), date(2026, 2, 5)
MONTHLY = {"cron": "0 3 5 * *", "grace_days": 2}


@pytest.fixture
def monthly(concord: pipeline.County) -> pipeline.County:
    """A county whose police deliver on the fifth, or two days later at most."""
    return with_delivery(concord, **MONTHLY)


@pytest.fixture
def connect(police: Police, start: Callable[..., Running]):
    police.deliver(JANUARY, range(20))
    police.served.clock(date(2026, 12, 31))  # the server shows whatever lies there
    return transports(start().connections[FEED])


def run(county: pipeline.County, night: date, connect) -> tuple[str, ...]:
    """Land one night, and check it if anything came."""
    landed = pipeline.land(county, FEED, night, connect)
    if landed:
        pipeline.check(county, FEED, night)
    return landed


def standing(county: pipeline.County, night: date) -> FeedNight:
    return next(n for n in county.ledger.feed_nights(night) if n.feed == FEED)


def refuse(_contract):
    """Stand where nobody may be asked."""
    raise AssertionError("the agency was asked")


@pytest.mark.fault("R3", outcome="accepted")
def test_r3_between_two_monthly_deliveries_a_feed_is_on_time(monthly, connect) -> None:
    """Nothing is due for weeks: the agency is not asked, and the feed is on time."""
    assert run(monthly, JANUARY, connect)
    for night in (date(2026, 1, 6), date(2026, 1, 20), date(2026, 2, 4)):
        assert pipeline.land(monthly, FEED, night, refuse) == ()
        found = standing(monthly, night)
        assert (found.status, found.code) == ("on_time", None)
        assert found.detail == "the next delivery is due on 2026-02-05"
        assert pipeline.is_on_time(monthly, FEED, night)
    assert monthly.ledger.history.events("late") == ()


@pytest.mark.fault("R3", code="NOT_DELIVERED", outcome="waits")
def test_r3_a_monthly_feed_is_late_after_its_due_day_and_grace(
    monthly, police, connect
) -> None:
    """A month's delivery does not come: late only when its days of grace are over."""
    run(monthly, JANUARY, connect)
    for day in (5, 6):
        night = date(2026, 2, day)
        assert pipeline.land(monthly, FEED, night, connect) == ()
        found = standing(monthly, night)
        assert (found.status, found.code) == ("on_time", None)
        assert found.detail == "due since 2026-02-05, late from 2026-02-07"
    with pytest.raises(DeliveryNotReady, match="NOT_DELIVERED"):
        pipeline.land(monthly, FEED, date(2026, 2, 7), connect)
    assert standing(monthly, date(2026, 2, 7)).status == "late"
    assert len(monthly.ledger.history.events("late")) == 1

    police.deliver(FEBRUARY, [30], since=JANUARY)
    assert run(monthly, date(2026, 2, 8), connect)
    assert incidents(monthly, date(2026, 2, 8)) == [*range(20), 30]
    assert run(monthly, date(2026, 2, 9), refuse) == ()


@pytest.mark.fault("T5", code="HOST_KEY_CHANGED", outcome="refused")
def test_t5_trouble_within_the_days_of_grace_is_shown(monthly, police, start) -> None:
    """The host key changed while a feed is in its days of grace: refused, and shown."""
    police.deliver(FEBRUARY, [3])
    police.served.clock(FEBRUARY)
    connection = start().connections[FEED]
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key()
    extra = {**connection.extra, "host_key": other.decode().strip()}
    wrong = transports(replace(connection, extra=extra))
    with pytest.raises(TransportError) as refused:
        pipeline.land(monthly, FEED, FEBRUARY, wrong)
    assert refused.value.code == "HOST_KEY_CHANGED"
    found = standing(monthly, FEBRUARY)
    assert (found.status, found.code) == ("on_time", "HOST_KEY_CHANGED")
    facts = Collector(monthly.ledger, monthly.registry, monthly.settings).facts(
        FEBRUARY
    )
    assert FEED in {s.feed for s in facts.holds}, "somebody must look at it"


def test_status_report_and_release_say_on_time_and_of_which_night(
    monthly, police, connect
) -> None:
    run(monthly, JANUARY, connect)
    night = date(2026, 1, 20)
    run(monthly, night, refuse)
    assert status._one_standing(monthly, FEED, night) == "on time, data of 2026-01-05"

    collector = Collector(monthly.ledger, monthly.registry, monthly.settings)
    page = collector.page(night, datetime(2026, 1, 20, 6, tzinfo=UTC))
    (found,) = (s for s in page.facts.standings if s.feed == FEED)
    assert (found.status, found.carried_nights) == ("on_time", 0)
    assert found.sentence == (
        "Springfield Police Department is on time (the next delivery is due on "
        "2026-02-05); its figures are those of Monday, January 5, 2026."
    )
    assert FEED not in {s.feed for s in page.facts.holds}
    assert "1 on time" in page.headline
    assert "icon-on_time" in night_html(page, JANUARY)

    pipeline.link(monthly, night)
    pipeline.prepare_keymap(monthly, "research", night)
    release = pipeline.publish(monthly, "research", night, "test")
    (row,) = read_manifest(release.path)["inputs"]
    assert (row["night"], row["carried"]) == ("2026-01-05", False)


@pytest.mark.fault("R3", outcome="accepted")
def test_r3_a_backfill_of_a_monthly_feed_calls_no_night_between_late(
    monthly, connect
) -> None:
    """Past nights of a monthly feed are filled: those in between are on time."""
    (filled,) = pipeline.backfill(monthly, [FEED], JANUARY, date(2026, 1, 8), connect)
    assert filled.went_well
    assert list(filled.nights.values()) == ["checked", *["on_time"] * 3]


def test_an_increment_of_a_month_is_compared_with_other_months() -> None:
    contract = load_registry(Settings()).contract(FEED)
    agreed = contract.delivery.model_copy(update=MONTHLY)
    past = [PastDelivery(str(d), d, {}, {}) for d in (FEBRUARY, JANUARY)]
    march = date(2026, 3, 5)
    assert drift.comparable(past, agreed, march) == past
    assert drift.nights_covered(past, agreed, march) == 1
    assert drift.nights_covered(past[1:], agreed, march) == 2
