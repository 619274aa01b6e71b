"""Names with realistic frequencies: common ones collide, a long tail does not."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from simulator.randomness import Floats, Ints, chance, cumulative, pick

DATA = Path(__file__).parent / "data"
GROUPS = (
    "general", "black", "hispanic", "east_asian", "southeast_asian", "south_asian",
    "arabic", "slavic", "african", "native", "pacific",
)  # fmt: skip
# Share of people whose surname comes from the long tail, for each group.
_TAIL = (0.34, 0.12, 0.05, 0.03, 0.03, 0.04, 0.06, 0.40, 0.10, 0.25, 0.15)
# (pool of given names, share) for each group; the rest is general.
_POOLS = {
    "black": (("black", 0.38),), "hispanic": (("hispanic", 0.66),),
    "east_asian": (("asian", 0.55),), "southeast_asian": (("asian", 0.55),),
    "south_asian": (("asian", 0.60),), "arabic": (("arabic", 0.72),),
    "slavic": (("slavic", 0.35),), "african": (("arabic", 0.2), ("black", 0.2)),
}  # fmt: skip
_RARE_SHARE = 0.03
_RARE_STEMS = [
    "Bray",
    "Cay",
    "Dar",
    "Dav",
    "Del",
    "Dev",
    "Jay",
    "Jar",
    "Jor",
    "Ka",
    "Kel",
    "Ken",
    "Kyr",
    "La",
    "Lan",
    "Mar",
    "May",
    "Mel",
    "Ra",
    "Ray",
    "Ren",
    "Ro",
    "Shay",
    "Tay",
    "Ter",
    "Tra",
    "Ty",
    "Va",
    "Wil",
    "Zay",
]
_RARE_ENDINGS = {
    "M": [
        "lon",
        "den",
        "vin",
        "rick",
        "mir",
        "lan",
        "ric",
        "vius",
        "rion",
        "shawn",
        "quan",
        "mond",
        "ton",
        "dell",
    ],
    "F": [
        "lyn",
        "leigh",
        "anna",
        "isha",
        "ette",
        "elle",
        "ina",
        "ora",
        "issa",
        "aya",
        "nique",
        "mara",
        "linda",
    ],
}


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the simulator's own small tables."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Surnames:
    """Every surname of the county and how common it is in each group."""

    text: tuple[str, ...]
    by_group: tuple[Floats, ...]

    def draw(self, rng: np.random.Generator, groups: Ints) -> Ints:
        """Draw a surname for each person by group."""
        drawn = np.zeros(len(groups), dtype=np.int64)
        for code, distribution in enumerate(self.by_group):
            rows = np.flatnonzero(groups == code)
            drawn[rows] = pick(rng, distribution, len(rows))
        return drawn


@dataclass(frozen=True)
class GivenNames:
    """Every given name and how common it is by sex, pool and era."""

    text: tuple[str, ...]
    pools: dict[tuple[str, str, str], tuple[Ints, Floats]]

    def draw(
        self, rng: np.random.Generator, groups: Ints, female: Ints, years: Ints
    ) -> Ints:
        """Draw a given name for each person by group, sex and year of birth."""
        count = len(groups)
        pool = _draw_pools(rng, groups)
        felt = years + rng.normal(0, 7, count)
        era = np.where(felt < 1963, 0, np.where(felt < 1995, 1, 2))
        drawn = np.zeros(count, dtype=np.int64)
        for (sex, name, span), (codes, distribution) in self.pools.items():
            rows = (female == (sex == "F")) & (pool == _POOL_NAMES.index(name))
            if name == "general":
                rows &= era == ("old", "mid", "new").index(span)
            where = np.flatnonzero(rows)
            drawn[where] = codes[pick(rng, distribution, len(where))]
        return drawn


_POOL_NAMES = ("general", "black", "hispanic", "asian", "arabic", "slavic", "rare")


def _draw_pools(rng: np.random.Generator, groups: Ints) -> Ints:
    pool = np.zeros(len(groups), dtype=np.int64)
    luck = rng.random(len(groups))
    for code, group in enumerate(GROUPS):
        floor = 0.0
        for name, share in _POOLS.get(group, ()):
            hit = (groups == code) & (luck >= floor) & (luck < floor + share)
            pool[hit] = _POOL_NAMES.index(name)
            floor += share
    pool[chance(rng, _RARE_SHARE, len(groups))] = _POOL_NAMES.index("rare")
    return pool


def _tail() -> list[str]:
    """Build rare surnames from stems and endings of one flavour each."""
    parts: dict[str, tuple[list[str], list[str]]] = {}
    for row in read_table("surname_parts.csv"):
        stems, endings = parts.setdefault(row["flavour"], ([], []))
        (stems if row["part"] == "stem" else endings).append(row["text"])
    built = [s + e for stems, ends in parts.values() for s, e in product(stems, ends)]
    return list(dict.fromkeys(built))


@lru_cache(maxsize=1)
def surnames() -> Surnames:
    """Load the surnames once."""
    rows = read_table("surnames.csv")
    listed = dict.fromkeys(row["name"] for row in rows)
    tail = [name for name in _tail() if name not in listed]
    text = (*listed, *tail)
    place = {name: code for code, name in enumerate(text)}
    # The tail is shuffled once and for all, so that rarity has nothing to do with
    # the alphabet; its weights fall slowly.
    order = np.random.default_rng(1790).permutation(len(tail))
    tail_weights = (order + 40.0) ** -0.6
    tail_weights /= tail_weights.sum()
    by_group = []
    for group, tail_share in zip(GROUPS, _TAIL, strict=True):
        weights = np.zeros(len(text))
        for row in rows:
            if row["group"] == group:
                weights[place[row["name"]]] += float(row["weight"])
        weights *= (1 - tail_share) / weights.sum()
        weights[len(listed) :] = tail_share * tail_weights
        by_group.append(cumulative(weights))
    return Surnames(text, tuple(by_group))


@lru_cache(maxsize=1)
def given_names() -> GivenNames:
    """Load the given names once."""
    rows = read_table("given_names.csv")
    text = dict.fromkeys(row["name"] for row in rows)
    rare = {
        sex: [s + e for s, e in product(_RARE_STEMS, ends)]
        for sex, ends in _RARE_ENDINGS.items()
    }
    text |= dict.fromkeys(name for names in rare.values() for name in names)
    place = {name: code for code, name in enumerate(text)}
    found: dict[tuple[str, str, str], tuple[list[int], list[float]]] = {}
    for row in rows:
        key = (row["sex"], row["group"], row["era"])
        codes, weights = found.setdefault(key, ([], []))
        codes.append(place[row["name"]])
        weights.append(float(row["weight"]))
    for sex, names in rare.items():
        found[(sex, "rare", "any")] = ([place[n] for n in names], [1.0] * len(names))
    pools = {
        key: (np.array(codes, dtype=np.int64), cumulative(weights))
        for key, (codes, weights) in found.items()
    }
    return GivenNames(tuple(text), pools)
