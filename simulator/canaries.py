"""Planted identities: unique strings that must never leave the restricted zones."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from simulator import days
from simulator.randomness import Ints, generator
from simulator.serving import SOURCE_ID
from simulator.store import FEEDS, HANGS_ON, Store

_CONSONANTS, _VOWELS = "bdfgklmnprstv", "aeiou"
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
# Which feeds know each planted person; a few are known to two.
KNOWN_TO: tuple[tuple[str, ...], ...] = (
    ("police_rms", "hospital"), ("police_rms",), ("police_rms",), ("police_rms",),
    ("probation", "police_rms"), ("probation",), ("probation",), ("probation",),
    ("school", "hospital"), ("school",), ("school",), ("school",),
    ("hospital",), ("hospital",), ("hospital",), ("hospital",),
)  # fmt: skip
OLDEST, INVALID = 13, 5
# Born in the future: probation must know birth dates, so the row is quarantined.
_FUTURE_BIRTH = 1


@dataclass(frozen=True)
class Canary:
    """A planted person and the strings that give it away."""

    person: int
    feeds: tuple[str, ...]
    first: str
    last: str
    middle: str
    birth: date
    female: bool
    ssn: str
    phone: str
    email: str
    street: str
    narrative: str

    def tokens(self, feed: str) -> list[str]:
        """Give the strings that this feed serves of this person."""
        tokens = [self.first, self.last, self.middle, self.phone, self.street]
        if feed != "school":
            tokens.append(self.ssn)
        if feed in ("probation", "hospital"):
            tokens.append(self.email)
        if feed == "police_rms":
            tokens.append(self.narrative)
        return tokens


def draw_canaries(seed: int, first_person: int, night: date) -> list[Canary]:
    """Draw the planted persons, numbered after the county's own."""
    rng = generator(seed, "canaries")
    words = _words(rng, 4 * len(KNOWN_TO))
    planted = []
    for place, feeds in enumerate(KNOWN_TO):
        first, last, middle, road = words[4 * place : 4 * place + 4]
        code = "".join(_BASE32[i] for i in rng.integers(0, 32, 12))
        age = 8 + place % 8 if "school" in feeds else 24 + 3 * place
        age = 93 if place == OLDEST else age
        planted.append(
            Canary(
                person=first_person + place, feeds=feeds, first=first, last=last,
                middle=middle, female=bool(place % 2),
                birth=days.day(days.number(night) - int((age + 0.4) * 365.25)),
                ssn=f"9{20 + place}-{71 + place % 10}-{4000 + 37 * place}",
                phone=f"217-555-01{20 + 3 * place:02d}",
                email=f"zqx{code}@example.org", street=f"{4400 + place} {road} Ln",
                narrative=f"zqx{code[::-1]}",
            )
        )  # fmt: skip
    return planted


def _words(rng: np.random.Generator, count: int) -> list[str]:
    """Make different name-like words that no real name resembles."""
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = (
            _CONSONANTS[int(rng.integers(0, 13))] + _VOWELS[int(rng.integers(0, 5))]
            for _ in range(4)
        )
        words["Zqx" + "".join(syllables)] = None
    return list(words)


def plant(store: Store, canaries: list[Canary]) -> None:
    """Add a record of each planted person to its feeds."""
    for feed in FEEDS:
        known = [canary for canary in canaries if feed in canary.feeds]
        first = store.next_number(f"{feed}_person")
        seq = first + np.arange(len(known))
        store.append(f"{feed}_person", 0, _columns(feed, known, seq))
    store.run(
        f"UPDATE probation_person SET defect = {_FUTURE_BIRTH} "
        f"WHERE person = {canaries[INVALID].person}"
    )


def _columns(feed: str, known: list[Canary], seq: Ints) -> dict[str, Any]:
    count = len(known)
    school, police = feed == "school", feed == "police_rms"
    nothing = pa.nulls(count, pa.string())
    return {
        "seq": seq,
        "person": [canary.person for canary in known],
        "first_name": [canary.first for canary in known],
        "middle_name": [canary.middle for canary in known],
        "last_name": [canary.last for canary in known],
        "birth_date": [canary.birth.isoformat() for canary in known],
        "sex": ["F" if canary.female else "M" for canary in known],
        "race": ["W"] * count,
        "ethnicity": ["N"] * count,
        "ssn": nothing if school else [canary.ssn for canary in known],
        "phone": [canary.phone for canary in known],
        "email": nothing if school or police else [c.email for c in known],
        "street": [canary.street for canary in known],
        "city": ["Springfield"] * count,
        "state": ["IL"] * count,
        "zip": ["62704"] * count,
    }


# Whose events the planted persons take over: busy records, linked to nothing else.
_DONORS = {
    "police_rms": "SELECT victim FROM incident WHERE victim IS NOT NULL "
    "AND victim NOT IN (SELECT record FROM arrest) "
    "AND victim NOT IN (SELECT victim FROM incident WHERE happening IS NOT NULL) "
    "GROUP BY victim ORDER BY count(*) DESC, victim",
    "probation": "SELECT record FROM violation WHERE record NOT IN "
    "(SELECT record FROM period WHERE arrest IS NOT NULL) "
    "GROUP BY record ORDER BY count(*) DESC, record",
    "school": "SELECT record FROM attendance WHERE record NOT IN "
    "(SELECT record FROM action) GROUP BY record ORDER BY count(*) DESC, record",
    "hospital": "SELECT record FROM encounter WHERE record NOT IN "
    "(SELECT record FROM encounter WHERE happening IS NOT NULL) "
    "GROUP BY record ORDER BY count(*) DESC, record",
}


def adopt_events(store: Store, canaries: list[Canary]) -> None:
    """Hand the events of some ordinary records over to the planted persons."""
    for feed in FEEDS:
        known = [canary for canary in canaries if feed in canary.feeds]
        donors = store.column(f"{_DONORS[feed]} LIMIT {len(known)}").tolist()
        for canary, donor in zip(known, donors, strict=False):
            number = store.number(
                f"SELECT seq FROM {feed}_person WHERE person = {canary.person}"
            )
            for table in HANGS_ON[feed]:
                store.run(
                    f"UPDATE {table} SET record = {number} WHERE record = {donor}"
                )
            if feed == "police_rms":
                _name_in_narratives(store, canary, number, donor)


def _name_in_narratives(store: Store, canary: Canary, number: int, donor: int) -> None:
    store.run(f"UPDATE incident SET offender = {number} WHERE offender = {donor}")
    store.run(
        f"UPDATE incident SET victim = {number}, token = '{canary.narrative}' "
        f"WHERE victim = {donor}"
    )


def listing(store: Store, canaries: list[Canary]) -> list[dict[str, Any]]:
    """List every planted record with the strings that give it away."""
    listed = []
    for canary in canaries:
        for feed in canary.feeds:
            rows = store.connection.execute(
                f"SELECT {SOURCE_ID[feed]} FROM {feed}_person "
                f"WHERE person = {canary.person}"
            ).fetchall()
            source_id = str(rows[0][0])
            listed.append(
                {
                    "feed": feed,
                    "source_id": source_id,
                    "person": f"P{canary.person:08d}",
                    "tokens": [*canary.tokens(feed), source_id],
                }
            )
    return listed
