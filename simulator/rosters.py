"""One night's view of the county: who has a record where, and who is active."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from simulator import days
from simulator.people import People
from simulator.randomness import Floats, Ints, choose, generator
from simulator.store import FEEDS, Store


@dataclass(frozen=True)
class Night:
    """A night's number, its date and its own random streams."""

    seed: int
    index: int
    first_night: date

    @property
    def date(self) -> date:
        """Give the date of the delivery."""
        return self.first_night + timedelta(days=self.index)

    @property
    def today(self) -> int:
        """Give the day number of the delivery; events happened before it."""
        return days.number(self.date)

    @property
    def history_start(self) -> int:
        """Give the day number on which the full load's history begins."""
        return days.number(days.history_start(self.first_night))

    def rng(self, topic: str) -> np.random.Generator:
        """Give this night's stream for a topic."""
        return generator(self.seed, topic, self.index)

    def event_days(self, rng: np.random.Generator, count: int) -> Ints:
        """Draw days of events: the whole history first, then the last three days."""
        if self.index:
            late = choose(rng, (1, 2, 3), (0.72, 0.18, 0.1), count)
            return (self.today - late).astype(np.int64)
        first = self.history_start
        drawn = rng.integers(first, self.today, count)
        # A fifth of weekday events move to the weekend before.
        weekday = (drawn + 3) % 7
        moved = np.where(weekday >= 4, drawn - (weekday - 4), drawn - weekday - 1)
        restless = rng.random(count) < 0.12
        return np.where(restless & (moved >= first), moved, drawn).astype(np.int64)


@dataclass(frozen=True)
class Rosters:
    """Living records of each feed, and one record of each person (-1 none)."""

    record: dict[str, Ints]
    person: dict[str, Ints]
    record_of: dict[str, Ints]
    fresh: dict[str, Ints]

    def people_of(self, feed: str, records: Ints) -> Ints:
        """Give the persons behind records; -1 stays -1."""
        lookup = np.full(int(self.record[feed].max(initial=0)) + 2, -1)
        lookup[self.record[feed]] = self.person[feed]
        found: Ints = np.where(records >= 0, lookup[records], -1)
        return found


def read_rosters(store: Store, people: People, night: Night) -> Rosters:
    """Read who has a record where; planted identities are left out."""
    record, person, record_of, fresh = {}, {}, {}, {}
    for feed in FEEDS:
        seq, who, created = store.columns(
            f"SELECT seq, person, created FROM {feed}_person "
            f"WHERE gone IS NULL AND person < {len(people)} ORDER BY seq"
        )
        record[feed], person[feed] = seq, who
        record_of[feed] = np.full(len(people), -1)
        record_of[feed][who] = seq
        fresh[feed] = seq[created == night.index] if night.index else seq[:0]
    return Rosters(record, person, record_of, fresh)


def offender_weights(people: People, rosters: Rosters, today: int) -> Floats:
    """Weigh police records by how often their persons are suspected."""
    who = rosters.person["police_rms"]
    age = people.ages(today)[who]
    weight = people.risk[who] ** 1.3
    weight *= np.select(
        [age < 12, age < 15, age < 18, age < 35, age < 50, age < 65],
        [0.0, 0.25, 0.9, 1.0, 0.6, 0.25],
        0.05,
    )
    weight *= np.where(people.female[who] == 1, 0.35, 1.0)
    weight *= np.where(rosters.record_of["probation"][who] >= 0, 5.0, 1.0)
    return weight


def victim_weights(people: People, who: Ints, today: int) -> Floats:
    """Weigh persons by how often they are hurt or robbed."""
    age = people.ages(today)[who]
    by_age = np.select(
        [age < 10, age < 15, age < 40, age < 65], [0.08, 0.5, 1.0, 0.7], 0.3
    )
    weights: Floats = people.risk[who] ** 0.8 * by_age
    return weights
