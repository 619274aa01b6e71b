"""How many places of each feed a map can show, as the report says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from concord.landing.ledger import Ledger
from concord.reporting.counts import Count, Value, protect, share

EVENT = "places_linked"
# Why a place is not on the map; every other way of finding one puts it there.
UNFOUND = ("no house and street", "not in the gazetteer", "several addresses")


@dataclass(frozen=True)
class PlacesFound:
    """How many places were found, or not, in one way."""

    how: str
    places: Count


@dataclass(frozen=True)
class Mappable:
    """The places of a feed, and the share that was found in the gazetteer."""

    feed: str
    places: Count
    share: Value
    ways: tuple[PlacesFound, ...]


def mappable(found: Mapping[str, Mapping[str, int]]) -> tuple[Mappable, ...]:
    """Round what was counted of each feed."""
    return tuple(
        Mappable(
            feed,
            protect(sum(ways.values())),
            share(
                sum(count for how, count in ways.items() if how not in UNFOUND),
                sum(ways.values()),
            ),
            tuple(PlacesFound(h, protect(n)) for h, n in sorted(ways.items())),
        )
        for feed, ways in sorted(found.items())
    )


def mappable_as_of(ledger: Ledger, night: date) -> tuple[Mappable, ...]:
    """Return what was last counted on or before a night."""
    events = [event for event in ledger.history.events(EVENT) if event.night <= night]
    if not events:
        return ()
    newest = max(enumerate(events), key=lambda item: (item[1].night, item[0]))[1]
    return mappable(newest.facts["found"])
