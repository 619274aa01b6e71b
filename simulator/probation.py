"""Probation events: supervision periods, some of them after an arrest; violations."""

import numpy as np

from simulator import codes
from simulator.people import People
from simulator.randomness import Bools, Ints, chance, choose, cumulative, pick, sample
from simulator.rosters import Night, Rosters
from simulator.store import Store, optional, optional_text

ARREST_LEADS = 0.30
# Supervision that runs when the history begins started up to this long before.
_BEFORE_HISTORY = 560
_OFFICERS = 60


def store_periods(
    store: Store, night: Night, people: People, rosters: Rosters, more: int
) -> None:
    """Add periods: after arrests, one for each new client, and ``more`` others."""
    rng = night.rng("periods")
    arrest, record, start = _after_arrests(store, night, rng, people, rosters)
    clients = rosters.fresh["probation"] if night.index else rosters.record["probation"]
    first = clients[~np.isin(clients, record)]
    again = rosters.record["probation"]
    again = again[rng.integers(0, len(again), more)] if len(again) else again
    others = np.concatenate([first, again])
    latest = night.today
    earliest = latest - 4 if night.index else night.history_start - _BEFORE_HISTORY
    began = rng.integers(earliest, latest, len(others))
    _store(
        store, night, rng,
        np.concatenate([record, others]), np.concatenate([start, began]),
        np.concatenate([arrest, np.full(len(others), -1)]),
    )  # fmt: skip


def _after_arrests(
    store: Store,
    night: Night,
    rng: np.random.Generator,
    people: People,
    rosters: Rosters,
) -> tuple[Ints, Ints, Ints]:
    """Let about 30 % of arrests lead to supervision; give arrest, record, start."""
    seq, record, day = store.columns(
        "SELECT a.seq, a.record, a.day FROM arrest a WHERE a.gone IS NULL "
        "AND a.seq NOT IN (SELECT arrest FROM period WHERE arrest IS NOT NULL) "
        f"AND a.day < {night.today - 5} "
        f"AND a.record IN (SELECT seq FROM police_rms_person WHERE person < {len(people)}) "  # noqa: E501
        "ORDER BY a.seq"
    )
    person = rosters.people_of("police_rms", record)
    client = np.where(person >= 0, rosters.record_of["probation"][person], -1)
    start = day + rng.integers(5, 75, len(seq))
    if night.index:
        start = np.full(len(seq), night.today - 1)
    ready: Bools = (client >= 0) & (start < night.today) & (start > day)
    wanted = ARREST_LEADS * (len(seq) if not night.index else len(seq) * 0.012)
    chosen = np.sort(sample(rng, np.flatnonzero(ready), round(wanted)))
    return seq[chosen], client[chosen], start[chosen]


def _store(
    store: Store,
    night: Night,
    rng: np.random.Generator,
    record: Ints,
    start: Ints,
    arrest: Ints,
) -> None:
    count = len(record)
    order = rng.permutation(count)
    record, start, arrest = record[order], start[order], arrest[order]
    end = start + rng.integers(150, 760, count)
    ended = end < night.today
    type_ = choose(rng, codes.SUPERVISION, codes.SUPERVISION_WEIGHTS, count)
    released = np.isin(type_, ("PAROLE", "DUAL"))
    back = chance(rng, 0.03, count)
    admission = np.where(back, 2, np.where(released, 1, 0))
    store.append("period", night.index, {
        "seq": store.next_number("period") + np.arange(count),
        "record": record, "type": type_, "start_day": start,
        "end_day": optional(end, ended),
        "admission": np.array(codes.ADMISSIONS)[admission],
        "termination": optional_text(
            choose(rng, codes.TERMINATIONS, codes.TERMINATION_WEIGHTS, count), ended
        ),
        "level": choose(rng, codes.LEVELS, codes.LEVEL_WEIGHTS, count),
        "officer": rng.integers(1, _OFFICERS + 1, count),
        "arrest": optional(arrest, arrest >= 0),
    })  # fmt: skip


def store_violations(store: Store, night: Night, wanted: int) -> None:
    """Add violations inside supervision periods, more under strict supervision."""
    rng = night.rng("violations")
    seq, record, start, end, strict = store.columns(
        "SELECT seq, record, start_day, end_day, "
        "CASE WHEN level IN ('HIGH', 'MAXIMUM') THEN 3 ELSE 1 END "
        "FROM period WHERE gone IS NULL ORDER BY seq"
    )
    first = night.today - 3 if night.index else night.history_start
    begin = np.maximum(start, first)
    close = np.where(end < 0, night.today, np.minimum(end, night.today))
    open_ = np.flatnonzero(close > begin)
    if not len(open_):
        return
    row = open_[pick(rng, cumulative(strict[open_]), wanted)]
    type_ = choose(rng, codes.VIOLATIONS, codes.VIOLATION_WEIGHTS, wanted)
    severe = np.isin(type_, ("FELONY", "ABSCONDED"))
    light = choose(rng, ("LOW", "MEDIUM", "HIGH"), (50, 38, 12), wanted)
    store.append("violation", night.index, {
        "seq": store.next_number("violation") + np.arange(wanted),
        "period": seq[row], "record": record[row],
        "day": rng.integers(begin[row], close[row]), "type": type_,
        "severity": np.where(severe, "HIGH", light),
    })  # fmt: skip
