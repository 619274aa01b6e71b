"""Hospital events: visits and diagnoses, assaults among them."""

from dataclasses import dataclass

import numpy as np

from simulator import codes
from simulator.days import BUSINESS_HOURS, minutes_of_day
from simulator.happenings import Assaults
from simulator.people import People
from simulator.randomness import Ints, chance, choose, cumulative, pick
from simulator.rosters import Night, Rosters
from simulator.store import Store, optional, optional_text

_FOLLOW_UP_SHARE = 0.25
_SECOND_INJURY = 0.45


@dataclass(frozen=True)
class _Visits:
    record: Ints
    klass: Ints
    reason: Ints
    day: Ints
    minute: Ints
    stay: Ints
    happening: Ints


def store_visits(
    store: Store,
    night: Night,
    people: People,
    rosters: Rosters,
    assaults: Assaults,
    wanted: int,
) -> None:
    """Add the assaults' visits, their follow-ups and ``wanted`` ordinary visits."""
    rng = night.rng("visits")
    hurt = _assault_visits(rng, rosters, assaults)
    seq = _store(store, night, rng, hurt)
    _assault_conditions(store, night, rng, seq, hurt, assaults, "A")
    later = hurt.day + rng.integers(4, 15, len(seq))
    back = np.flatnonzero(
        chance(rng, _FOLLOW_UP_SHARE, len(seq)) & (later < night.today)
    )
    follow = _Visits(
        hurt.record[back], np.full(len(back), "AMB"), np.full(len(back), "Follow-up"),
        later[back], rng.integers(8 * 60, 17 * 60, len(back)),
        np.full(len(back), 30), hurt.happening[back],
    )  # fmt: skip
    numbers = _store(store, night, rng, follow)
    kept = Assaults(*(getattr(assaults, name)[back] for name in (
        "number", "day", "minute", "victim", "way", "reported")))  # fmt: skip
    _assault_conditions(store, night, rng, numbers, follow, kept, "D")
    _ordinary(store, night, rng, people, rosters, wanted)


def _assault_visits(
    rng: np.random.Generator, rosters: Rosters, assaults: Assaults
) -> _Visits:
    count = len(assaults.day)
    arrival = np.minimum(assaults.minute + rng.integers(10, 200, count), 1439)
    grave = chance(rng, 0.1, count)
    stay = np.where(
        grave, rng.integers(1440, 9000, count), rng.integers(60, 500, count)
    )
    return _Visits(
        record=rosters.record_of["hospital"][assaults.victim],
        klass=np.full(count, "EMER"),
        reason=choose(rng, ("Assault", "Injury", "Laceration"), (6, 3, 1), count),
        day=assaults.day,
        minute=arrival,
        stay=stay,
        happening=assaults.number,
    )


def _assault_conditions(
    store: Store, night: Night, rng: np.random.Generator, seq: Ints, visits: _Visits,
    assaults: Assaults, episode: str,
) -> None:  # fmt: skip
    """Write the injuries and the external cause; the 7th character is the episode."""
    injuries = cumulative([share for share, _ in codes.INJURIES])
    code = np.array([c for _, c in codes.INJURIES])
    first = code[pick(rng, injuries, len(seq))]
    second = code[pick(rng, injuries, len(seq))]
    both = chance(rng, _SECOND_INJURY, len(seq)) & (first != second)
    cause = np.array([way[3] for way in codes.ASSAULT_WAYS])[assaults.way]
    encounter = np.concatenate([seq, seq[both], seq])
    record = np.concatenate([visits.record, visits.record[both], visits.record])
    day = np.concatenate([visits.day, visits.day[both], visits.day])
    codes_written = np.concatenate([first, second[both], cause])
    if episode != "A":
        codes_written = np.char.add(
            np.array([c[:-1] for c in codes_written.tolist()], dtype=str), episode
        )
    _store_conditions(store, night, rng, encounter, record, codes_written, day)


def _ordinary(
    store: Store, night: Night, rng: np.random.Generator, people: People,
    rosters: Rosters, wanted: int,
) -> None:  # fmt: skip
    kind = pick(rng, cumulative([visit[0] for visit in codes.VISITS]), wanted)
    patients = rosters.record["hospital"]
    age = people.ages(night.today)[rosters.person["hospital"]]
    need = np.where(age > 60, 2.5, np.where(age < 5, 1.6, 1.0))
    record = patients[pick(rng, cumulative(need), wanted)]
    fresh = rosters.fresh["hospital"]
    if len(fresh):
        arrived = chance(rng, 0.4, wanted)
        record = np.where(arrived, rng.choice(fresh, wanted), record)
    klass = np.array([visit[1] for visit in codes.VISITS])[kind]
    day = night.event_days(rng, wanted)
    stay = np.select(
        [klass == "EMER", klass == "IMP"],
        [rng.integers(40, 600, wanted), rng.integers(1440, 13000, wanted)],
        rng.integers(15, 60, wanted),
    )
    visits = _Visits(
        record, klass, np.array([visit[2] for visit in codes.VISITS])[kind], day,
        minutes_of_day(rng, BUSINESS_HOURS, day), stay, np.full(wanted, -1),
    )  # fmt: skip
    seq = _store(store, night, rng, visits)
    principal = np.array([visit[3] for visit in codes.VISITS])[kind]
    fell = np.flatnonzero(visits.reason == "Fall")
    also = np.flatnonzero(chance(rng, 0.3, wanted))
    secondary = rng.choice(codes.SECONDARY, len(also))
    differs = secondary != principal[also]
    also, secondary = also[differs], secondary[differs]
    row = np.concatenate([np.arange(wanted), fell, also])
    code = np.concatenate([principal, np.full(len(fell), "W19.XXXA"), secondary])
    order = np.argsort(row, kind="stable")
    row, code = row[order], code[order]
    _store_conditions(store, night, rng, seq[row], record[row], code, day[row])


def _store(
    store: Store, night: Night, rng: np.random.Generator, visits: _Visits
) -> Ints:
    count = len(visits.day)
    seq = store.next_number("encounter") + np.arange(count)
    close = visits.day * 1440 + visits.minute + visits.stay
    # The extract is drawn two hours after midnight.
    finished = close < night.today * 1440 + 120
    admitted = chance(rng, 0.1, count) & (visits.stay > 1440)
    disposition = choose(rng, codes.DISPOSITIONS, codes.DISPOSITION_WEIGHTS, count)
    store.append("encounter", night.index, {
        "seq": seq, "record": visits.record, "class": visits.klass,
        "reason": visits.reason, "day": visits.day, "minute": visits.minute,
        "stay": optional(visits.stay, finished),
        "status": np.where(finished, "finished", "in-progress"),
        "disposition": optional_text(np.where(admitted, "hosp", disposition), finished),
        "happening": optional(visits.happening, visits.happening >= 0),
    })  # fmt: skip
    return seq


def _store_conditions(
    store: Store, night: Night, rng: np.random.Generator, encounter: Ints,
    record: Ints, code: Ints, day: Ints,
) -> None:  # fmt: skip
    count = len(encounter)
    store.append("condition", night.index, {
        "seq": store.next_number("condition") + np.arange(count),
        "encounter": encounter, "record": record, "code": code, "day": day,
        "verification": choose(
            rng, ("confirmed", "provisional", "differential"), (93, 5, 2), count
        ),
    })  # fmt: skip
