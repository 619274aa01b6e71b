"""The ingest step: land what an agency offers, check it, split it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta

from concord.contracts.decisions import NOTHING_DECIDED
from concord.contracts.models import Contract
from concord.exceptions import (
    AgreementRefused,
    DeliveryHeld,
    DeliveryNotReady,
    TransportError,
)
from concord.landing.archive import Archive
from concord.landing.locks import EVERY_NIGHT, locked, locked_nights, refused
from concord.landing.records import Delivery, FeedStatus
from concord.landing.staging import StagedLedger
from concord.pipeline.county import County
from concord.pipeline.refreshing import since, use_up
from concord.steps import Step
from concord.transport.base import Drop, Transport
from concord.validation.feed_check import CheckResult, FeedCheck
from concord.validation.states import StateStore

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
        FeedLocked: Another run has the night.
    """
    with alone(county, feed, night) as mine:
        return land_alone(mine, feed, night, open_transport, only_if_due=True)


def land_alone(
    county: County,
    feed: str,
    night: date,
    open_transport: OpenTransport,
    *,
    only_if_due: bool = False,
) -> tuple[str, ...]:
    """Land a night whose lock the county's ledger holds."""
    county = county.acting(Step.LAND)
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
    cadence, newest = contract.delivery.cadence, _newest(county, feed, night)
    if only_if_due and cadence.lag(newest, night) == 0:
        _record_on_time(county, contract, night, newest)
        return ()
    late = cadence.is_late(newest, night)
    try:
        return _fetch(county, contract, night, open_transport)
    except (DeliveryNotReady, TransportError) as error:
        if late or error.code != "NOT_DELIVERED":
            _record_trouble(county, night, error, "late" if late else "on_time")
            raise
    except DeliveryHeld as error:
        _record_trouble(county, night, error, "held")
        raise
    _record_on_time(county, contract, night, newest)
    return ()


def _newest(county: County, feed: str, night: date) -> date | None:
    """Return the night of a feed's newest good data, if it ever had any."""
    state = county.ledger.state_as_of(feed, night)
    return state.night if state else None


def _record_on_time(
    county: County, contract: Contract, night: date, newest: date | None
) -> None:
    """Record that a feed without a delivery is on time, and when one is due."""
    cadence = contract.delivery.cadence
    owed = cadence.last_due(night) if newest is None else cadence.due_after(newest)
    detail = f"the next delivery is due on {owed}"
    if owed <= night:
        until = owed + timedelta(days=cadence.grace_days)
        detail = f"due since {owed}, late from {until}"
    county.ledger.record_feed_night(contract.id, night, "on_time", detail=detail)


@contextmanager
def alone(county: County, feed: str, night: date) -> Iterator[County]:
    """Give the county to one run of a feed's night: it writes while its lock holds.

    Raises:
        FeedLocked: Another run has the night.
    """
    seconds = county.settings.lock_seconds
    with locked(county.ledger, feed, night, seconds) as ledger:
        if EVERY_NIGHT in locked_nights(ledger, feed):
            raise refused(feed, "a backfill has the feed", seconds)
        mine = replace(county, ledger=ledger)
        finish_staged(mine, feed)
        yield mine


def finish_staged(county: County, feed: str) -> tuple[date, ...]:
    """Let the nights of a backfill show, and all that stand on them, at once.

    A backfill that was cut short leaves whole nights behind; they are taken on here
    by whoever is next, so that nothing of them is missing in what follows.
    """
    staged = StagedLedger(county.ledger, feed)
    nights = staged.staged()
    if not nights:
        return ()
    restated = _restate(replace(county, ledger=staged), feed, nights[0].night)
    staged.show()
    return (*(n.night for n in nights), *restated)


def _restate(county: County, feed: str, after: date) -> tuple[date, ...]:
    """Check again, under the lock that is held, later nights that stand on old ones."""
    restated = []
    for night in stale_nights(county, feed, after):
        with suppress(DeliveryHeld):
            check_alone(county, feed, night)
        restated.append(night)
    return tuple(restated)


def _fetch(
    county: County, contract: Contract, night: date, open_transport: OpenTransport
) -> tuple[str, ...]:
    transport = open_transport(contract)
    archive = Archive(county.zones, county.keys, county.ledger)
    agreement = county.registry.agreement_of(contract)
    drops = _not_taken(county, contract, night, transport)
    if not drops:
        raise DeliveryNotReady(
            "NOT_DELIVERED",
            feed=contract.id,
            detail=f"nothing is offered for {night}",
            remedy="Last good data are carried forward; ask the agency if it lasts",
        )
    taken: list[str] = []
    redelivered: DeliveryNotReady | None = None
    for drop in drops:
        try:
            delivery = archive.land(
                contract, agreement, transport, drop, landed_on=night
            )
        except DeliveryNotReady as error:
            if error.code != "REDELIVERED":
                raise
            redelivered = error
            if contract.delivery.mode == "increment":
                break  # what comes after it may build on what is missing
        else:
            taken.append(delivery.id)
    if redelivered is not None:
        if not taken:
            raise redelivered
        county.ledger.record_event("late", night, contract.id, code=redelivered.code)
    return tuple(taken)


def _not_taken(
    county: County, contract: Contract, night: date, transport: Transport
) -> list[Drop]:
    """Return what is offered, without nights that came in with a later one."""
    cursor = since(county.ledger, contract, night)
    known = county.ledger.deliveries(contract.id)
    taken = {d.night for d in known if d.state == "checked"}
    return [d for d in transport.offered(cursor, night) if d.night not in taken]


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
    """Check and split what has landed for a night; restate the nights after it.

    Raises:
        DeliveryHeld: A delivery is in doubt; last good data are carried forward.
        DeliveryNotReady: Nothing has landed.
        FeedLocked: Another run has the night.
    """
    with alone(county, feed, night) as mine:
        result = check_alone(mine, feed, night)
    restate(county, feed, night)
    return result


def check_alone(county: County, feed: str, night: date) -> CheckResult:
    """Check a night whose lock the county's ledger holds, and no other."""
    county = county.acting(Step.CHECK)
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


def restate(county: County, feed: str, after: date) -> tuple[date, ...]:
    """Check later nights again whose state was built before an earlier one changed.

    Returns the nights that were restated. A night that is held now falls back to the
    state before it, as it would have on its own night.
    """
    restated = []
    for night in stale_nights(county, feed, after):
        with suppress(DeliveryHeld), alone(county, feed, night) as mine:
            check_alone(mine, feed, night)
        restated.append(night)
    return tuple(restated)


def stale_nights(county: County, feed: str, after: date) -> Iterator[date]:
    """Yield later checked nights that stand on another state than the one before.

    One after the other: what is done about a night decides about the next. A full
    snapshot stands on nothing.
    """
    if county.registry.contract(feed).delivery.mode == "full":
        return
    store = StateStore(county.zones, county.keys, feed)
    for night in checked_nights(county, feed, after):
        state = county.ledger.state_as_of(feed, night)
        before = county.ledger.state_as_of(feed, night - timedelta(days=1))
        if (
            state is not None
            and before is not None
            and store.describe(state.state_id).previous != before.state_id
        ):
            yield night


def checked_nights(county: County, feed: str, after: date) -> list[date]:
    """Return the nights after one for which a feed was checked, in order."""
    return [
        n.night
        for n in county.ledger.feed_nights()
        if n.feed == feed and n.night > after and n.status == "checked"
    ]


def is_fresh(county: County, feed: str, night: date) -> bool:
    """Say whether a feed has been checked for a night."""
    return _stands(county, feed, night) == "checked"


def is_on_time(county: County, feed: str, night: date) -> bool:
    """Say whether a feed owes nothing for a night, or is within its grace."""
    return _stands(county, feed, night) == "on_time"


def _stands(county: County, feed: str, night: date) -> FeedStatus | None:
    nights = county.ledger.feed_nights(night)
    return next((n.status for n in nights if n.feed == feed), None)
