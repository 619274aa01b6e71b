"""How many assaults treated at the hospital the police know of, for the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from concord.landing.history import Event
from concord.landing.ledger import Ledger
from concord.reporting.counts import Count, Value, part_of, protect, share

EVENT = "assaults_linked"
MEASURED = "assaults_evaluated"


@dataclass(frozen=True)
class Assaults:
    """Visits because of an assault, and the share with an incident of the police."""

    night: date
    visits: Count
    incidents: Count
    linked: Count
    share: Value
    precision: Value | None = None
    recall: Value | None = None


def assaults_as_of(ledger: Ledger, night: date) -> Assaults | None:
    """Return what was last counted on or before a night; None if nothing ever was."""
    linked = _newest(ledger, EVENT, night)
    if linked is None:
        return None
    measured = _newest(ledger, MEASURED, linked.night)
    if measured is None or measured.night != linked.night:
        return _shown(linked.night, linked.facts, {})
    return _shown(linked.night, linked.facts, measured.facts)


def _newest(ledger: Ledger, kind: str, night: date) -> Event | None:
    """Return the last event of a kind on the newest night up to one."""
    events = (e for e in reversed(ledger.history.events(kind)) if e.night <= night)
    return max(events, key=lambda event: event.night, default=None)


def _shown(
    night: date, counted: Mapping[str, Any], measured: Mapping[str, Any]
) -> Assaults:
    """Round what was counted."""
    visits, linked = int(counted["visits"]), int(counted["linked"])
    return Assaults(
        night,
        visits=protect(visits),
        incidents=protect(int(counted["incidents"])),
        linked=part_of(linked, visits),
        share=share(linked, visits),
        precision=_rate(measured, "found"),
        recall=_rate(measured, "true"),
    )


def _rate(measured: Mapping[str, Any], of: str) -> Value | None:
    """Return the share of what was found, or is true, that is right; if measured."""
    return share(measured["correct"], measured[of]) if measured else None
