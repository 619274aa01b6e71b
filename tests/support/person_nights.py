"""Hundreds of tiny counties that live through nights side by side, as one linkage.

Their records come, change, go and come back; agencies are late; people decide, and undo
what they decided. Record keys begin with the county's number, so that no county touches
another, and one call of the library takes the nights of all.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, count

import pyarrow as pa

from concord.exceptions import LinkageError
from concord.linkage.clustering import cut_contradictions
from concord.linkage.decisions import (
    Decision,
    Wish,
    decide,
    in_force,
    rulings_of,
    undo,
)
from concord.linkage.history import dated, ended, former_ids
from concord.linkage.identity import Assignment, assign_person_ids
from concord.linkage.rulings import KeyLink, Rulings, apply_rulings

FIRST = date(2026, 1, 5)
AGENCIES = "PSH"
RECORDS = 7
LINK, SPLIT = 5.0, 2.0
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class TinyCounty:
    """One county's records: which exist, how alike each pair is, what was decided."""

    name: str
    chance: random.Random
    sent: dict[str, bool] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    alike: dict[tuple[str, str], float] = field(default_factory=dict)
    log: list[Decision] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in range(RECORDS):
            key = f"{self.name}{AGENCIES[number % 3]}{number}"
            self.sent[key] = self.chance.random() < 0.7
        for pair in combinations(sorted(self.sent), 2):
            self._compare(pair)

    def live(self, night: date) -> None:
        """Let a day pass: what agencies and people do before the night."""
        for key in self.sent:
            if self.chance.random() < 0.12:
                self.sent[key] = not self.sent[key]
            if self.chance.random() < 0.15:
                for pair in self.alike:
                    if key in pair and self.chance.random() < 0.5:
                        self._compare(pair)
        late = {agency for agency in AGENCIES if self.chance.random() < 0.15}
        for key, there in self.sent.items():
            if not late & set(key):
                self.seen[key] = there
        if self.chance.random() < 0.35:
            self._decide(night)

    def links(self) -> list[KeyLink]:
        """Return every scored pair of records that are there, as the model sees it."""
        return [
            (weight, *pair)
            for pair, weight in self.alike.items()
            if self.seen.get(pair[0]) and self.seen.get(pair[1])
        ]

    def _compare(self, pair: tuple[str, str]) -> None:
        self.alike[pair] = self.chance.choice([-3.0, -3.0, -3.0, 3.0, 6.0, 9.0])

    def _decide(self, night: date) -> None:
        held = in_force(self.log, date.max)
        stamp = {"by": "steward", "since": night, "at": NOW}
        if held and self.chance.random() < 0.3:
            number = self.chance.choice(held).number
            self.log.append(undo(self.log, number, reason="was a mistake", **stamp))
            return
        one, other = self.chance.sample(sorted(self.sent), 2)
        kind = self.chance.choice(["join", "part", "part"])
        try:
            wish = Wish(kind, one, other, "looked at both")
            self.log += decide(self.log, [wish], **stamp)
        except LinkageError:
            return  # contradicts or repeats what holds: a refusal changes nothing


@dataclass(frozen=True)
class Night:
    """What a night made of all counties."""

    night: date
    keys: frozenset[str]
    rulings: Rulings
    assigned: dict[str, str]
    before: dict[str, str]
    remembered: dict[str, str]
    events: list[dict[str, object]]
    decided: bool


class Nights:
    """All counties, night after night, with ids and history kept as the vault does."""

    def __init__(self, seed: int, counties: int) -> None:
        self.counties = [
            TinyCounty(f"{n:03d}", random.Random(f"{seed}/{n}"))
            for n in range(counties)
        ]
        self.serial = count(1)
        self.night = FIRST
        self.last: Assignment | None = None
        self.assigned: pa.Table | None = None
        self.history: pa.Table | None = None

    def draw(self, wanted: int) -> list[str]:
        return [f"p{next(self.serial):06d}" for _ in range(wanted)]

    def pass_nights(self, nights: int) -> Iterator[Night]:
        """Let nights pass, and yield each."""
        for _ in range(nights):
            for county in self.counties:
                county.live(self.night)
            yield self.link()

    def link(self) -> Night:
        """Link tonight's records as they are."""
        rulings = Rulings(
            frozenset(p for c in self.counties for p in self._held(c).joined),
            frozenset(p for c in self.counties for p in self._held(c).parted),
        )
        before = as_dict(self.assigned)
        remembered = as_dict(self.last.retired) if self.last else {}
        assignment = self._assign(self._clusters(rulings, before))
        previous = self.assigned
        self.assigned = dated(assignment.assignments, previous, self.night)
        self.history = ended(self.history, assignment.assignments, previous, self.night)
        self.last = assignment
        made = Night(
            night=self.night,
            keys=frozenset(as_dict(self.assigned)),
            rulings=rulings,
            assigned=as_dict(self.assigned),
            before=before,
            remembered=remembered,
            events=assignment.events.to_pylist(),
            decided=any(d.since == self.night for c in self.counties for d in c.log),
        )
        self.night += timedelta(days=1)
        return made

    def _held(self, county: TinyCounty) -> Rulings:
        return rulings_of(in_force(county.log, self.night))

    def _assign(self, clusters: pa.Table) -> Assignment:
        former = (
            former_ids(self.everybody(), self.history)
            if self.assigned is not None and self.history is not None
            else None
        )
        return assign_person_ids(
            clusters,
            self.assigned,
            self.draw,
            self.last.retired if self.last else None,
            former,
        )

    def everybody(self) -> pa.Table:
        """Return the records of the night before and those that are remembered."""
        assert self.assigned is not None
        assert self.last is not None
        return pa.concat_tables(
            [self.assigned.select(["record_key", "person_id"]), self.last.retired]
        )

    def _clusters(self, rulings: Rulings, before: dict[str, str]) -> pa.Table:
        """Group records by the two thresholds, then put decisions over it."""
        keys = sorted(k for c in self.counties for k, there in c.seen.items() if there)
        number = {key: place for place, key in enumerate(keys)}
        links = [
            (weight, one, other)
            for county in self.counties
            for weight, one, other in county.links()
            if weight >= LINK
            or (weight >= SPLIT and one in before and before[one] == before.get(other))
        ]
        home = cut_contradictions(
            ((w, number[one], number[other]) for w, one, other in links), ()
        )
        groups = [keys[home.get(place, place)] for place in range(len(keys))]
        clusters = pa.table(
            {"record_key": pa.array(keys, pa.string()),
             "cluster_id": pa.array(groups, pa.string())}
        )  # fmt: skip

        def among(named: Sequence[str]) -> list[KeyLink]:
            wanted = set(named)
            return [link for link in links if {link[1], link[2]} <= wanted]

        return apply_rulings(clusters, rulings, among)


def as_dict(table: pa.Table | None) -> dict[str, str]:
    """Return record key → person id."""
    if table is None:
        return {}
    return dict(
        zip(
            table["record_key"].to_pylist(), table["person_id"].to_pylist(), strict=True
        )
    )
