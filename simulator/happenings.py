"""Happenings that several agencies record: assaults and fights at school."""

from dataclasses import dataclass

import numpy as np

from simulator import codes
from simulator.days import NIGHT_HOURS, day, is_school_day, minutes_of_day
from simulator.people import People
from simulator.police import Incidents
from simulator.randomness import Bools, Ints, chance, cumulative, pick
from simulator.rosters import Night, Rosters, offender_weights, victim_weights

REPORTED_SHARE = 0.5
FIRST_FIGHT = 5_000_000
_EACH_NIGHT = 10_000_000


@dataclass(frozen=True)
class Assaults:
    """Assaults that brought somebody to the emergency department."""

    number: Ints
    day: Ints
    minute: Ints
    victim: Ints
    way: Ints
    reported: Bools


@dataclass(frozen=True)
class Fights:
    """Fights at school that police were called to."""

    number: Ints
    day: Ints
    minute: Ints
    victim: Ints
    offender: Ints


def draw_assaults(
    night: Night, people: People, rosters: Rosters, count: int
) -> Assaults:
    """Draw assaults; police hear of about half of them."""
    rng = night.rng("assaults")
    known = np.flatnonzero(rosters.record_of["hospital"] >= 0)
    weights = cumulative(victim_weights(people, known, night.today))
    victim = known[pick(rng, weights, count)]
    in_police = rosters.record_of["police_rms"][victim] >= 0
    share = min(1.0, REPORTED_SHARE / max(in_police.mean() if count else 1, 0.01))
    event_day = night.event_days(rng, count)
    return Assaults(
        number=night.index * _EACH_NIGHT + np.arange(count),
        day=event_day,
        # Early enough to reach the hospital before midnight.
        minute=minutes_of_day(rng, NIGHT_HOURS, event_day, latest=1410),
        victim=victim,
        way=pick(rng, cumulative([way[0] for way in codes.ASSAULT_WAYS]), count),
        reported=in_police & chance(rng, share, count),
    )


def draw_fights(night: Night, people: People, rosters: Rosters, count: int) -> Fights:
    """Draw fights between pupils whom police know."""
    rng = night.rng("fights")
    both = (rosters.record_of["school"] >= 0) & (rosters.record_of["police_rms"] >= 0)
    pupils = np.flatnonzero(both & (people.ages(night.today) >= 11))
    event_day = night.event_days(rng, count)
    open_ = np.array([is_school_day(day(d)) for d in event_day], dtype=bool)
    event_day = event_day[open_] if len(pupils) > 1 else event_day[:0]
    count = len(event_day)
    weights = cumulative(people.risk[pupils]) if count else people.risk[:0]
    victim, offender = (
        pupils[pick(rng, weights, count)] if count else event_day for _ in range(2)
    )
    apart = victim != offender
    return Fights(
        number=night.index * _EACH_NIGHT + FIRST_FIGHT + np.arange(count)[apart],
        day=event_day[apart],
        minute=rng.integers(8 * 60, 15 * 60, count)[apart],
        victim=victim[apart],
        offender=offender[apart],
    )


def assault_incidents(
    night: Night, people: People, rosters: Rosters, assaults: Assaults
) -> Incidents:
    """Write the police side of the assaults that police heard of."""
    rng = night.rng("assault incidents")
    told = assaults.reported
    count = int(told.sum())
    victim = rosters.record_of["police_rms"][assaults.victim[told]]
    roster = rosters.record["police_rms"]
    offender = roster[
        pick(rng, cumulative(offender_weights(people, rosters, night.today)), count)
    ]
    known = chance(rng, 0.78, count)
    known &= rosters.people_of("police_rms", offender) != assaults.victim[told]
    ways = codes.ASSAULT_WAYS
    location = rng.choice(("20", "20", "20", "13", "03", "18", "21", "50"), count)
    somewhere = rng.integers(0, int(people.place.max()) + 1, count)
    home = people.place[assaults.victim[told]]
    return Incidents(
        day=assaults.day[told],
        minute=assaults.minute[told],
        ucr=np.array([way[1] for way in ways])[assaults.way[told]],
        weapon=np.array([way[2] for way in ways])[assaults.way[told]],
        location=location,
        place=np.where(location == "20", home, somewhere),
        victim=victim,
        offender=np.where(known, offender, -1),
        happening=assaults.number[told],
    )


def fight_incidents(people: People, rosters: Rosters, fights: Fights) -> Incidents:
    """Write the police side of fights at school."""
    count = len(fights.day)
    record = rosters.record_of["police_rms"]
    return Incidents(
        day=fights.day,
        minute=fights.minute,
        ucr=np.full(count, "13B"),
        weapon=np.full(count, "40"),
        location=np.full(count, "53"),
        place=people.place[fights.victim],
        victim=record[fights.victim],
        offender=record[fights.offender],
        happening=fights.number,
    )
