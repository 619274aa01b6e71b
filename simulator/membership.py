"""Who is known to which agency."""

import numpy as np

from simulator.people import People
from simulator.randomness import Bools, Floats, Ints, chance, generator
from simulator.store import FEEDS

_DUPLICATES = {"police_rms": 0.06, "hospital": 0.008}


def eligible_students(people: People, today: int) -> Bools:
    """Tell who is of school age."""
    age = (today - people.birth) / 365.25
    within: Bools = (age >= 5.0) & (age < 18.9)
    return within


def draw_membership(seed: int, people: People, today: int) -> dict[str, Bools]:
    """Draw which agencies know each person; everybody is known to at least one."""
    rng = generator(seed, "membership")
    count = len(people)
    age = people.ages(today)
    risk = people.risk / (1 + people.risk)
    police = chance(rng, _police_share(age) * (0.5 + risk), count)
    supervised = np.where(age >= 18, 0.155, np.where(age >= 14, 0.05, 0.0))
    supervised = np.where(people.female == 1, supervised * 0.5, supervised * 1.35)
    probation = chance(rng, np.where(police, 1.4, 0.25) * supervised, count)
    school = eligible_students(people, today) & chance(rng, 0.91, count)
    hospital = chance(rng, 0.80, count)
    nobody = ~(police | probation | school | hospital)
    hospital |= nobody & chance(rng, 0.7, count)
    police |= nobody & ~hospital
    return dict(zip(FEEDS, (police, probation, school, hospital), strict=True))


def _police_share(age: Ints) -> Floats:
    shares = np.select([age < 12, age < 18, age < 65], [0.15, 0.44, 0.70], 0.46)
    return shares.astype(np.float64)


def record_persons(rng: np.random.Generator, feed: str, members: Ints) -> Ints:
    """List the persons of a feed's records, some twice, in random order."""
    twice = members[chance(rng, _DUPLICATES.get(feed, 0.0), len(members))]
    return rng.permutation(np.concatenate([members, twice]))
