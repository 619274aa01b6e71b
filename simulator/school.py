"""School events: enrolments, attendance, discipline."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from simulator import codes, days
from simulator.happenings import Fights
from simulator.people import People
from simulator.randomness import Bools, Floats, Ints, chance, choose, cumulative, pick
from simulator.rosters import Night, Rosters
from simulator.store import Store, optional, optional_text

SCHOOL_BASE = 255_901_000
_PUPILS_EACH = 450
_CASE_NUMBER_SHARE = 0.7
_LEAVERS = 0.03
_COMERS = 0.03


def store_enrollments(
    store: Store, night: Night, people: People, rosters: Rosters
) -> None:
    """Enrol pupils: both school years at first, newcomers on later nights."""
    rng = night.rng("enrollments")
    pupils = rosters.fresh["school"] if night.index else rosters.record["school"]
    who = rosters.people_of("school", pupils)
    year_now = night.date.year + (night.date.month >= 8)
    years = (year_now,) if night.index else (year_now - 1, year_now)
    for year in years:
        age = (days.number(date(year - 1, 9, 1)) - people.birth[who]) / 365.25
        rows = np.flatnonzero((age >= 4.6) & (age < 19.2))
        if night.index:
            rows = np.arange(len(pupils))
        _store_year(store, night, rng, people, year, pupils[rows], who[rows], age[rows])


def _store_year(
    store: Store, night: Night, rng: np.random.Generator, people: People, year: int,
    pupils: Ints, who: Ints, age: Floats,
) -> None:  # fmt: skip
    count = len(pupils)
    first, last = (days.number(d) for d in days.school_year(year))
    grade = np.clip(age - 5, 0, 12).astype(np.int64)
    entry = np.full(count, night.today - 1 if night.index else first)
    late = chance(rng, 0 if night.index else _COMERS, count)
    until = min(last, night.today - 10)
    entry = np.where(
        late, rng.integers(first + 10, max(until, first + 11), count), entry
    )
    left_day = entry + rng.integers(15, 200, count)
    left = chance(rng, 0 if night.index else _LEAVERS, count) & (
        left_day < min(last, night.today - 1)
    )
    ended = last < night.today
    exit_day = np.where(left, left_day, last)
    reason = np.where(left, "Transferred", "End of school year")
    store.append("enrollment", night.index, {
        "seq": store.next_number("enrollment") + np.arange(count),
        "record": pupils, "school": _schools(people, who, grade), "year": np.full(count, year),  # noqa: E501
        "entry_day": entry, "exit_day": optional(exit_day, left | ended),
        "exit_type": optional_text(reason, left | ended), "grade": grade,
    })  # fmt: skip


def _schools(people: People, who: Ints, grade: Ints) -> Ints:
    """Send a household's children to one school of each level."""
    share = len(people) * 0.24 / _PUPILS_EACH
    counts = [max(2, round(share * part)) for part in (0.46, 0.24, 0.3)]
    level = np.where(grade <= 5, 0, np.where(grade <= 8, 1, 2))
    number = people.household[who] * 7919 % np.array(counts)[level]
    schools: Ints = (level + 1) * 1000 + number
    return schools


@dataclass(frozen=True)
class Seats:
    """Enrolments with the school days on which each pupil may be absent."""

    record: Ints
    school: Ints
    year: Ints
    first: Ints
    span: Ints
    calendar: Ints


def read_seats(store: Store, night: Night) -> Seats:
    """Read who sat where on which school days of this night's window."""
    start = night.today - 1 if night.index else night.history_start
    calendar = days.school_days(days.day(start), night.date)
    record, school, year, entry, leave = store.columns(
        "SELECT record, school, year, entry_day, exit_day FROM enrollment "
        "WHERE gone IS NULL ORDER BY seq"
    )
    for each in np.unique(year).tolist():
        last = days.number(days.school_year(each)[1])
        leave = np.where((leave < 0) & (year == each), last, leave)
    low = np.searchsorted(calendar, entry, side="left")
    high = np.searchsorted(calendar, leave, side="right")
    span = np.maximum(high - low, 0)
    use = span > 0
    return Seats(record[use], school[use], year[use], low[use], span[use], calendar)


def attendance_capacity(store: Store, night: Night) -> int:
    """Count pupil-days, the most attendance events that a night can have."""
    return int(read_seats(store, night).span.sum())


def store_attendance(store: Store, night: Night, wanted: int) -> None:
    """Add attendance events: at most one for each pupil and school day."""
    rng = night.rng("attendance")
    seats = read_seats(store, night)
    capacity = int(seats.span.sum())
    wanted = min(wanted, capacity)
    if not wanted:
        return
    slot = _draw_slots(rng, seats, wanted, capacity)
    ends = np.cumsum(seats.span)
    seat = np.searchsorted(ends, slot, side="right")
    place = slot - (ends - seats.span)[seat] + seats.first[seat]
    category = _categories(rng, seats, seat, wanted)
    store.append("attendance", night.index, {
        "seq": (store.next_number("attendance") + np.arange(wanted)).astype(np.int32),
        "record": seats.record[seat].astype(np.int32),
        "school": seats.school[seat].astype(np.int16),
        "year": seats.year[seat].astype(np.int16),
        "day": seats.calendar[place].astype(np.int32),
        "category": category,
        # Quarters of a day: absences are whole, the rest short.
        "duration": np.where(category <= 1, 4, 1).astype(np.uint8),
    })  # fmt: skip


def _draw_slots(
    rng: np.random.Generator, seats: Seats, wanted: int, capacity: int
) -> Ints:
    """Draw different pupil-days; some pupils miss far more school than others."""
    if wanted > 0.3 * capacity:
        return np.sort(rng.choice(capacity, size=wanted, replace=False))
    habit = rng.gamma(0.8, 1.0, int(seats.record.max()) + 1)[seats.record] + 0.05
    chances = cumulative(seats.span * habit)
    starts = np.cumsum(seats.span) - seats.span
    taken = np.zeros(capacity, dtype=bool)
    while (missing := wanted - int(taken.sum())) > 0:
        more = int(missing * 1.25) + 16
        seat = pick(rng, chances, more)
        taken[starts[seat] + (rng.random(more) * seats.span[seat]).astype(np.int64)] = 1
    found = np.flatnonzero(taken)
    return np.delete(found, rng.choice(len(found), len(found) - wanted, replace=False))


def _categories(rng: np.random.Generator, seats: Seats, seat: Ints, count: int) -> Ints:
    distribution = cumulative(codes.ATTENDANCE_WEIGHTS)
    return pick(rng, distribution, count).astype(np.uint8)


def store_discipline(
    store: Store, night: Night, people: People, rosters: Rosters, fights: Fights,
    fight_numbers: Ints, wanted: int,
) -> None:  # fmt: skip
    """Add discipline incidents, those of the fights first, and their actions."""
    rng = night.rng("discipline")
    seats = read_seats(store, night)
    drawn = _ordinary_incidents(rng, seats, wanted)
    seat_of = np.full(int(rosters.record["school"].max(initial=0)) + 2, -1)
    seat_of[seats.record] = np.arange(len(seats.record))
    record = rosters.record_of["school"][fights.offender]
    seated = seat_of[record] >= 0
    record, numbers = record[seated], fight_numbers[seated]
    school = np.concatenate([seats.school[seat_of[record]], drawn[1]])
    day = np.concatenate([fights.day[seated], drawn[2]])
    pupil = np.concatenate([record, drawn[0]])
    count, fought = len(day), len(record)
    is_fight: Bools = np.arange(count) < fought
    incident = np.concatenate([numbers, np.full(count - fought, -1)])
    named = is_fight & chance(rng, _CASE_NUMBER_SHARE, count)
    seq = store.next_number("discipline") + np.arange(count)
    behavior = choose(rng, codes.BEHAVIORS, codes.BEHAVIOR_WEIGHTS, count)
    happening = np.concatenate([fights.number[seated], np.full(count - fought, -1)])
    store.append("discipline", night.index, {
        "seq": seq, "school": school, "day": day,
        "location": rng.choice(codes.SCHOOL_PLACES, count),
        "reported": is_fight | chance(rng, 0.05, count),
        "incident": optional(incident, named),
        "behavior": np.where(is_fight, "State Offense", behavior),
        "happening": optional(happening, is_fight),
    })  # fmt: skip
    _store_actions(store, night, rng, seq, pupil, school, day)


def _ordinary_incidents(
    rng: np.random.Generator, seats: Seats, wanted: int
) -> tuple[Ints, Ints, Ints]:
    if not len(seats.record):
        return seats.record, seats.school, seats.first
    habit = rng.gamma(0.5, 1.0, len(seats.record)) + 0.02
    seat = pick(rng, cumulative(habit * seats.span), wanted)
    place = seats.first[seat] + (rng.random(wanted) * seats.span[seat]).astype(np.int64)
    return seats.record[seat], seats.school[seat], seats.calendar[place]


def _store_actions(
    store: Store, night: Night, rng: np.random.Generator, seq: Ints, pupil: Ints,
    school: Ints, day: Ints,
) -> None:  # fmt: skip
    count = len(seq)
    kind = choose(rng, codes.DISCIPLINES, codes.DISCIPLINE_WEIGHTS, count)
    long = np.isin(kind, ("In School Suspension", "Out of School Suspension"))
    length = np.where(long, rng.integers(1, 6, count), 0.5)
    store.append("action", night.index, {
        "seq": store.next_number("action") + np.arange(count),
        "discipline": seq, "record": pupil, "school": school,
        "day": np.minimum(day + rng.integers(0, 4, count), night.today - 1),
        "kind": kind, "length": np.where(kind == "Expulsion", 90, length),
    })  # fmt: skip
