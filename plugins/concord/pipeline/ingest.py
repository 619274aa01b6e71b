"""The ingest step: land what an agency offers, check it, split it."""

from collections.abc import Callable
from datetime import date

from concord.contracts.decisions import NOTHING_DECIDED
from concord.contracts.models import Contract
from concord.exceptions import (
    AgreementRefused,
    DeliveryHeld,
    DeliveryNotReady,
    TransportError,
)
from concord.landing.archive import Archive
from concord.landing.records import Delivery, FeedStatus
from concord.pipeline.county import County
from concord.pipeline.refreshing import since, use_up
from concord.transport.base import Transport
from concord.validation.feed_check import CheckResult, FeedCheck

OpenTransport = Callable[[Contract], Transport]


def land(
    county: County, feed: str, night: date, open_transport: OpenTransport
) -> tuple[str, ...]:
    """Land what an agency offers up to a night; returns delivery ids.

    A night that was checked is not fetched again, so that a repeated task changes
    nothing.

    Raises:
        AgreementRefused: No agreement in force covers the feed on this night.
        DeliveryNotReady: The agency offers nothing for this night yet.
        TransportError: The agency's system can't be trusted or reached.
        DeliveryHeld: What the agency offers contradicts its own manifest.
    """
    contract = county.registry.contract(feed)
    agreement = county.registry.agreement_of(contract)
    if not agreement.in_force(night):
        raise AgreementRefused(
            "AGREEMENT_NOT_IN_FORCE",
            feed=feed,
            detail=f"agreement {agreement.id} runs from {agreement.start} to "
            f"{agreement.end}",
            remedy="Renew the agreement before the feed is taken",
        )
    if is_fresh(county, feed, night):
        return tuple(d.id for d in landed(county, feed, night))
    try:
        return _fetch(county, contract, night, open_transport)
    except (DeliveryNotReady, TransportError) as error:
        _record_trouble(county, night, error, "late")
        raise
    except DeliveryHeld as error:
        _record_trouble(county, night, error, "held")
        raise


def _fetch(
    county: County, contract: Contract, night: date, open_transport: OpenTransport
) -> tuple[str, ...]:
    transport = open_transport(contract)
    archive = Archive(county.zones, county.keys, county.ledger)
    drops = transport.offered(since(county.ledger, contract), night)
    if not drops:
        raise DeliveryNotReady(
            "NOT_DELIVERED",
            feed=contract.id,
            detail=f"nothing is offered for {night}",
            remedy="Last good data are carried forward; ask the agency if it lasts",
        )
    agreement = county.registry.agreement_of(contract)
    return tuple(
        archive.land(contract, agreement, transport, drop, landed_on=night).id
        for drop in drops
    )


def _record_trouble(
    county: County,
    night: date,
    error: DeliveryHeld | DeliveryNotReady | TransportError,
    status: FeedStatus,
) -> None:
    county.ledger.record_feed_night(
        error.feed,
        night,
        status,
        code=error.code,
        detail=error.detail,
        remedy=error.remedy,
    )
    county.ledger.record_event(status, night, error.feed, code=error.code)


def landed(county: County, feed: str, night: date) -> tuple[Delivery, ...]:
    """Return the deliveries that apply on a night, in the order in which they apply.

    Of two deliveries for one night the later replaces the earlier; of a feed that
    sends full snapshots only the newest counts.
    """
    newest = {
        d.night: d
        for d in county.ledger.deliveries(feed, until=night)
        if d.landed_on == night
    }
    ordered = tuple(newest[day] for day in sorted(newest))
    full = county.registry.contract(feed).delivery.mode == "full"
    return ordered[-1:] if full else ordered


def check(county: County, feed: str, night: date) -> CheckResult:
    """Check and split what has landed for a night.

    Raises:
        DeliveryHeld: A delivery is in doubt; last good data are carried forward.
        DeliveryNotReady: Nothing has landed.
    """
    contract = county.registry.contract(feed)
    step = FeedCheck(
        county.settings,
        county.zones,
        county.keys,
        county.ledger,
        contract,
        county.registry.decisions.get(feed, NOTHING_DECIDED),
    )
    deliveries = landed(county, feed, night)
    try:
        result = step.run(night, deliveries)
    except DeliveryHeld as error:
        _record_trouble(county, night, error, "held")
        raise
    use_up(county, step.archive, deliveries)
    return result


def is_fresh(county: County, feed: str, night: date) -> bool:
    """Say whether a feed has been checked for a night."""
    return any(
        n.feed == feed and n.status == "checked"
        for n in county.ledger.feed_nights(night)
    )
