"""How many events of each kind a night brings, and in which order they are drawn."""

from dataclasses import dataclass

from simulator.happenings import (
    assault_incidents,
    draw_assaults,
    draw_fights,
    fight_incidents,
)
from simulator.hospital import store_visits
from simulator.people import People
from simulator.police import draw_incidents, joined, store_incidents
from simulator.probation import store_periods, store_violations
from simulator.rosters import Night, Rosters
from simulator.school import (
    attendance_capacity,
    store_attendance,
    store_discipline,
    store_enrollments,
)
from simulator.store import EVENT_TABLES, Store

# Events a person in the first load; attendance makes up the rest of the total.
_RATES = {
    "assaults": 0.008, "fights": 0.0018, "incidents": 0.066, "visits": 0.27,
    "violations": 0.045, "discipline": 0.015, "more_periods": 0.012,
}  # fmt: skip
# Enrolments and first supervision periods come with the people.
_FIXED, _SCALED = 0.60, 1.10
_NIGHTLY = 0.012


@dataclass(frozen=True)
class EventPlan:
    """How many event rows the first load has, over all feeds."""

    persons: int
    total: int

    def __post_init__(self) -> None:
        """Refuse totals that the persons can't fill."""
        if self.total < self.persons:
            raise ValueError(
                f"events is {self.total}; {self.persons} persons have at least "
                f"{self.persons} (enrolments and supervision come with the people)"
            )

    def wanted(self, topic: str, night: int) -> int:
        """Give the number of events of one kind: the history, then nightly shares."""
        room = self.total / self.persons * 0.85 - _FIXED
        factor = min(1.0, max(0.2, room / _SCALED))
        count = _RATES[topic] * self.persons * factor
        return max(1, round(count * (_NIGHTLY if night else 1.0)))


def add_events(
    store: Store, night: Night, people: People, rosters: Rosters, plan: EventPlan
) -> None:
    """Draw a night's events: what several agencies see first, then each agency's."""
    k = night.index
    assaults = draw_assaults(night, people, rosters, plan.wanted("assaults", k))
    fights = draw_fights(night, people, rosters, plan.wanted("fights", k))
    reported = assault_incidents(night, people, rosters, assaults)
    at_school = fight_incidents(people, rosters, fights)
    rest = max(1, plan.wanted("incidents", k) - len(reported) - len(at_school))
    ordinary = draw_incidents(night, people, rosters, rest)
    everything = joined([at_school, reported, ordinary])
    numbers = store_incidents(store, night, people, rosters, everything)
    store_periods(store, night, people, rosters, plan.wanted("more_periods", k))
    store_violations(store, night, plan.wanted("violations", k))
    store_visits(store, night, people, rosters, assaults, plan.wanted("visits", k))
    store_enrollments(store, night, people, rosters)
    store_discipline(
        store, night, people, rosters, fights, numbers[: len(at_school)],
        plan.wanted("discipline", k),
    )  # fmt: skip
    store_attendance(store, night, _attendance(store, night, plan))


def _attendance(store: Store, night: Night, plan: EventPlan) -> int:
    """Fill the first load up to the planned total; later nights bring a share."""
    if night.index:
        first = store.number("SELECT count(*) FROM attendance WHERE created = 0")
        return round(first * _NIGHTLY)
    others = sum(
        store.number(f"SELECT count(*) FROM {table}") for table in EVENT_TABLES
    )
    wanted, capacity = plan.total - others, attendance_capacity(store, night)
    if wanted < 0 or wanted > capacity:
        raise ValueError(
            f"events is {plan.total}; {plan.persons} persons can have between "
            f"{others} and {others + capacity}"
        )
    return wanted
