"""Police events: incidents, offenses, who was involved, arrests."""

from dataclasses import dataclass, fields

import numpy as np

from simulator import codes
from simulator.days import NIGHT_HOURS, minutes_of_day
from simulator.people import People
from simulator.randomness import Bools, Ints, chance, choose, cumulative, pick
from simulator.rosters import Night, Rosters, offender_weights, victim_weights
from simulator.store import Store, optional, optional_text

_CLEARED_EXCEPTIONALLY = 0.045
_ARREST_SHARE = 0.27
_NO_VICTIM = ("35A", "520", "90C", "90D", "90Z")


@dataclass(frozen=True)
class Incidents:
    """Incidents as arrays, before offenses, roles and arrests are derived."""

    day: Ints
    minute: Ints
    ucr: Ints
    weapon: Ints
    location: Ints
    place: Ints
    victim: Ints
    offender: Ints
    happening: Ints

    def __len__(self) -> int:
        """Count the incidents."""
        return len(self.day)


def joined(parts: list[Incidents]) -> Incidents:
    """Put incidents of several origins together."""
    return Incidents(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Incidents)
        }
    )


def draw_incidents(
    night: Night, people: People, rosters: Rosters, count: int
) -> Incidents:
    """Draw ordinary incidents of every kind."""
    rng = night.rng("incidents")
    day = night.event_days(rng, count)
    kind = pick(rng, cumulative([k.weight for k in codes.OFFENSES]), count)
    roster = rosters.record["police_rms"]
    who = rosters.person["police_rms"]
    victims = cumulative(victim_weights(people, who, night.today))
    offenders = cumulative(offender_weights(people, rosters, night.today))
    victim, offender = pick(rng, victims, count), pick(rng, offenders, count)
    victim = _often_newcomers(rng, rosters, victim)
    known = np.array([k.known_offender for k in codes.OFFENSES])[kind]
    has_offender = chance(rng, known, count) & (who[victim] != who[offender])
    ucr = codes.UCR[kind]
    person_crime = np.array([k.person_crime for k in codes.OFFENSES])[kind]
    has_victim = person_crime | chance(rng, 0.82, count)
    has_victim &= ~np.isin(ucr, _NO_VICTIM)
    home = people.place[who[victim]]
    anywhere = rng.integers(0, int(people.place.max()) + 1, count)
    location = _one_of(rng, kind, [k.locations for k in codes.OFFENSES])
    return Incidents(
        day=day,
        minute=minutes_of_day(rng, NIGHT_HOURS, day),
        ucr=ucr,
        weapon=_one_of(rng, kind, [k.weapons for k in codes.OFFENSES]),
        location=location,
        place=np.where((location == "20") & has_victim, home, anywhere),
        victim=np.where(has_victim, roster[victim], -1),
        offender=np.where(has_offender, roster[offender], -1),
        happening=np.full(count, -1),
    )


def _often_newcomers(rng: np.random.Generator, rosters: Rosters, drawn: Ints) -> Ints:
    """Let newly known persons be the reason why police know them."""
    fresh = rosters.fresh["police_rms"]
    if not len(fresh):
        return drawn
    where = np.searchsorted(rosters.record["police_rms"], fresh)
    newcomers = rng.choice(where, len(drawn))
    return np.where(chance(rng, 0.35, len(drawn)), newcomers, drawn)


def _one_of(
    rng: np.random.Generator, kind: Ints, options: list[tuple[str, ...]]
) -> Ints:
    """Choose one of the options that belong to each row's kind."""
    width = max(map(len, options))
    table = np.array([[row[i % len(row)] for i in range(width)] for row in options])
    lengths = np.array([len(row) for row in options])
    column = (rng.random(len(kind)) * lengths[kind]).astype(np.int64)
    values: Ints = table[kind, column]
    return values


def store_incidents(
    store: Store, night: Night, people: People, rosters: Rosters, incidents: Incidents
) -> Ints:
    """Derive the rest of each incident and put all in the books; give the numbers."""
    rng = night.rng("incident details")
    count = len(incidents)
    seq = store.next_number("incident") + np.arange(count)
    known = incidents.offender >= 0
    suspect = rosters.people_of("police_rms", incidents.offender)
    age = np.where(known, ((incidents.day - people.birth[suspect]) / 365.25), 0)
    lag = np.where(chance(rng, 0.75, count), 0, rng.integers(1, 25, count))
    arrested = known & (age >= 10.5) & chance(rng, _ARREST_SHARE, count)
    arrested &= incidents.day + lag < night.today
    cleared = known & ~arrested & chance(rng, _CLEARED_EXCEPTIONALLY * 2, count)
    clearance_lag = rng.integers(1, 40, count)
    cleared &= incidents.day + clearance_lag < night.today
    store.append("incident", night.index, {
        "seq": seq, "day": incidents.day, "minute": incidents.minute,
        "delay": _report_delay(rng, night, incidents), "ucr": incidents.ucr,
        "clearance": np.where(cleared, choose(rng, tuple("ABCDE"), (4, 40, 8, 42, 6), count), "N"),  # noqa: E501
        "clearance_lag": optional(clearance_lag, cleared),
        "place": incidents.place, "location_code": incidents.location,
        "victim": optional(incidents.victim, incidents.victim >= 0),
        "offender": optional(incidents.offender, known),
        "happening": optional(incidents.happening, incidents.happening >= 0),
    })  # fmt: skip
    _store_offenses(store, night, rng, seq, incidents)
    _store_involvement(store, night, rng, rosters, seq, incidents, arrested)
    juvenile = (incidents.day + lag - people.birth[suspect]) / 365.25 < 18
    _store_arrests(store, night, rng, seq, incidents, arrested, lag, juvenile)
    return seq


def _report_delay(rng: np.random.Generator, night: Night, incidents: Incidents) -> Ints:
    """Give minutes from event to report: soon for most, never after the extract."""
    minutes = rng.exponential(45, len(incidents)).astype(np.int64)
    late = chance(rng, 0.12, len(incidents))
    minutes = np.where(late, rng.integers(600, 4000, len(incidents)), minutes)
    left = (night.today - incidents.day) * 1440 - incidents.minute
    delays: Ints = np.minimum(minutes, left)
    return delays


def _store_offenses(
    store: Store, night: Night, rng: np.random.Generator, seq: Ints, all_: Incidents
) -> None:
    count = len(all_)
    second = chance(rng, 0.14, count)
    extra = choose(rng, ("290", "35A", "90J", "13C", "23H"), (4, 3, 3, 2, 2), count)
    second &= extra != all_.ucr
    incident = np.concatenate([seq, seq[second]])
    ucr = np.concatenate([all_.ucr, extra[second]])
    weapon = np.concatenate([all_.weapon, np.full(second.sum(), "")])
    rows = len(incident)
    # Assault and homicide can't be attempted (NIBRS edit rule 256).
    attempted = chance(rng, 0.05, rows) & ~np.isin(ucr, ("13A", "13B", "13C", "09A"))
    store.append("offense", night.index, {
        "incident": incident,
        "number": np.r_[np.ones(count, np.int8), np.full(second.sum(), 2, np.int8)],
        "ucr": ucr,
        "completed": np.where(attempted, "A", "C"),
        "weapon": optional_text(weapon, weapon != ""),
        "bias": choose(rng, ("88", "12", "14", "32", "99"), (990, 3, 2, 2, 3), rows),
    })  # fmt: skip


def _store_involvement(
    store: Store, night: Night, rng: np.random.Generator, rosters: Rosters,
    seq: Ints, all_: Incidents, arrested: Bools,
) -> None:  # fmt: skip
    count = len(all_)
    everyone = rosters.record["police_rms"]
    witness = everyone[rng.integers(0, len(everyone), count)]
    caller = everyone[rng.integers(0, len(everyone), count)]
    no_victim = all_.victim < 0
    calls = chance(rng, np.where(no_victim, 0.55, 0.12), count)
    present = {
        "victim": ~no_victim,
        "offender": (all_.offender >= 0) & ~arrested,
        "arrestee": arrested,
        "witness": chance(rng, 0.2, count) & (witness != all_.victim)
        & (witness != all_.offender),
        "complainant": calls & (caller != all_.offender),
    }  # fmt: skip
    persons = {
        "victim": all_.victim, "offender": all_.offender, "arrestee": all_.offender,
        "witness": witness, "complainant": caller,
    }  # fmt: skip
    where = [np.flatnonzero(mask) for mask in present.values()]
    row = np.concatenate(where)
    role = np.repeat(list(present), [len(part) for part in where])
    record = np.concatenate(
        [persons[r][w] for r, w in zip(present, where, strict=True)]
    )
    order = np.lexsort((role, row))
    row, role, record = row[order], role[order], record[order]
    starts = np.r_[True, row[1:] != row[:-1]]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(row)), 0))
    injured = (role == "victim") & np.isin(all_.ucr[row], ("13A", "13B", "120", "11A"))
    related = (role == "victim") & (all_.offender[row] >= 0)
    store.append("involvement", night.index, {
        "incident": seq[row], "record": record, "role": role,
        "number": np.arange(len(row)) - first + 1,
        "injury": optional_text(_injuries(rng, all_.ucr[row]), injured),
        "relationship": optional_text(
            choose(rng, codes.RELATIONSHIPS, codes.RELATIONSHIP_WEIGHTS, len(row)),
            related,
        ),
    })  # fmt: skip


def _injuries(rng: np.random.Generator, ucr: Ints) -> Ints:
    """Simple assault leaves no major injury (NIBRS edit rule 479)."""
    minor = choose(rng, ("N", "M"), (45, 55), len(ucr))
    major = choose(rng, tuple("NMBILOTU"), (18, 34, 8, 10, 16, 8, 2, 4), len(ucr))
    return np.where(ucr == "13A", major, minor)


def _store_arrests(
    store: Store, night: Night, rng: np.random.Generator, seq: Ints, all_: Incidents,
    arrested: Bools, lag: Ints, juvenile: Bools,
) -> None:  # fmt: skip
    rows = np.flatnonzero(arrested)
    same_day = lag[rows] == 0
    young = juvenile[rows]
    store.append("arrest", night.index, {
        "seq": store.next_number("arrest") + np.arange(len(rows)),
        "incident": seq[rows], "record": all_.offender[rows],
        "day": all_.day[rows] + lag[rows],
        "kind": np.where(same_day, choose(rng, ("O", "S"), (8, 2), len(rows)), "T"),
        "ucr": all_.ucr[rows],
        "juvenile": optional_text(choose(rng, ("H", "R"), (3, 7), len(rows)), young),
    })  # fmt: skip
