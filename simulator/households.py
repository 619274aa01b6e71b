"""Households: who lives together, how old they are, who is whose twin."""

from dataclasses import dataclass

import numpy as np

from simulator.randomness import Bools, Ints, chance, choose

SINGLE, COUPLE, FAMILY, LONE_PARENT, SHARED, THREE_GENERATIONS = range(6)
_KIND_WEIGHTS = (0.26, 0.23, 0.28, 0.14, 0.05, 0.04)
_TWIN_SHARE = 0.03
_YEAR = 365.25


@dataclass(frozen=True)
class Households:
    """One entry for each person: the household and the place in it."""

    household: Ints
    position: Ints
    kind: Ints
    head: Ints
    age_days: Ints
    child: Bools
    twin: Bools

    @property
    def spouse(self) -> Bools:
        """Tell who is the second adult of a couple."""
        couples = np.isin(self.kind, (COUPLE, FAMILY, THREE_GENERATIONS))
        second: Bools = couples & (self.position == 1)
        return second

    @property
    def grandparent(self) -> Bools:
        """Tell who is the third adult under one roof with children."""
        third: Bools = (self.kind == THREE_GENERATIONS) & (self.position == 2)
        return third


def draw_households(rng: np.random.Generator, persons: int) -> Households:
    """Draw households until there are exactly so many persons."""
    count = max(4, int(persons / 2.0) + 4)
    kind = choose(rng, range(6), _KIND_WEIGHTS, count).astype(np.int64)
    adults = np.array([1, 2, 2, 1, 2, 3])[kind]
    adults = adults + ((kind == SHARED) & chance(rng, 0.35, count))
    children = choose(rng, (1, 2, 3, 4, 5), (0.36, 0.37, 0.18, 0.07, 0.02), count)
    children = np.where(np.isin(kind, (FAMILY, LONE_PARENT, 5)), children, 0)
    size = adults + children
    household = np.repeat(np.arange(count), size)[:persons]
    start = (np.cumsum(size) - size)[household]
    position = np.arange(persons) - start
    child = position >= adults[household]
    age, twin = _ages(rng, household, position, kind[household], child, start)
    return Households(household, position, kind[household], start, age, child, twin)


def _ages(
    rng: np.random.Generator,
    household: Ints,
    position: Ints,
    kind: Ints,
    child: Bools,
    start: Ints,
) -> tuple[Ints, Bools]:
    """Give ages in days: children first (youngest first), then their elders."""
    count = len(household)
    first_child = child & ~np.roll(child & True, 1)
    first_child |= child & (household != np.roll(household, 1))
    twin = child & ~first_child & chance(rng, _TWIN_SHARE, count)
    gap = 330 + rng.exponential(750, count)
    gap = np.where(first_child, rng.uniform(10, 16.5 * _YEAR, count), gap)
    gap = np.where(child & ~twin, gap.astype(np.int64), 0)
    running = np.cumsum(gap)
    age = running - (running - gap)[_first_of(household)]
    oldest = np.zeros(household.max() + 1, dtype=np.int64)
    np.maximum.at(oldest, household, np.where(child, age, 0))
    parent = oldest[household] + 18 * _YEAR + rng.gamma(2.6, 3.6 * _YEAR, count)
    alone = 19 * _YEAR + rng.beta(1.25, 2.0, count) * 77 * _YEAR
    shared = 18 * _YEAR + rng.gamma(2.0, 5 * _YEAR, count)
    own = np.where(kind == SHARED, shared, alone)
    head = np.where(oldest[household] > 0, parent, own)[start]
    spouse = head + rng.normal(-1.5, 3.2, count) * _YEAR
    elder = head + 19 * _YEAR + rng.gamma(2, 3.5 * _YEAR, count)
    adult = np.where(position == 0, head, np.where(position == 1, spouse, elder))
    adult = np.where(kind == SHARED, own, adult)
    spare = rng.uniform(0, 6 * _YEAR, count)
    adult = np.where(adult < 18 * _YEAR, 18 * _YEAR + spare, adult)
    adult = np.where(adult > 103 * _YEAR, 90 * _YEAR + spare, adult)
    return np.where(child, age, adult).astype(np.int64), twin


def _first_of(household: Ints) -> Ints:
    """Give, for each person, the row at which the household begins."""
    begins = np.flatnonzero(np.r_[True, household[1:] != household[:-1]])
    rows: Ints = np.repeat(begins, np.diff(np.r_[begins, len(household)]))
    return rows
