"""How every feed stands after a night."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from concord.contracts.models import Contract
from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.landing.records import FeedNight
from concord.reporting.arrivals import agency_of
from concord.reporting.model import Arrival, Fate, Standing, Status
from concord.reporting.wording import delivered_sentence, missing_sentence

STATUSES: dict[str, Status] = {
    "checked": "delivered",
    "on_time": "on_time",
    "late": "late",
    "held": "held",
}


def standings(
    ledger: Ledger,
    registry: Registry,
    feeds: Sequence[str],
    night: date,
    arrivals: Sequence[Arrival],
    fates: Sequence[Fate],
) -> tuple[Standing, ...]:
    """Return how every feed stands, each with a sentence."""
    history = [n for n in ledger.feed_nights() if n.night <= night]
    found = []
    for feed in feeds:
        standing = _standing(
            ledger, registry, feed, night, [n for n in history if n.feed == feed]
        )
        if standing.status == "delivered":
            sentence = delivered_sentence(
                standing.agency,
                night,
                [a for a in arrivals if a.feed == feed],
                [f for f in fates if f.feed == feed],
            )
        else:
            sentence = missing_sentence(standing, night)
        found.append(replace(standing, sentence=sentence))
    return tuple(found)


def _standing(
    ledger: Ledger,
    registry: Registry,
    feed: str,
    night: date,
    past: Sequence[FeedNight],
) -> Standing:
    """Read a feed's standing from the ledger; its sentence is still to be written."""
    record = past[-1] if past and past[-1].night == night else None
    contract = registry.contracts.get(feed)
    state = ledger.state_as_of(feed, night)
    return Standing(
        feed=feed,
        name=contract.name if contract else feed,
        agency=agency_of(registry, feed),
        sector=contract.sector if contract else "",
        status=STATUSES[record.status] if record else "unrecorded",
        sentence="",
        data_night=state.night if state else None,
        carried_nights=_lag(contract, state.night, night) if state else 0,
        since=_since(past) if record else None,
        code=record.code if record else None,
        detail=record.detail if record else None,
        remedy=record.remedy if record else None,
    )


def _lag(contract: Contract | None, newest: date, night: date) -> int:
    """Return for how many nights old data stand in for data that were due."""
    if contract is None:
        return (night - newest).days
    return contract.delivery.cadence.lag(newest, night)


def _since(past: Sequence[FeedNight]) -> date:
    """Return the first night of the unbroken run of the newest status."""
    since = past[-1].night
    for record in reversed(past):
        if record.status != past[-1].status:
            break
        since = record.night
    return since
