"""What must hold of person ids over thousands of generated nights.

Each example lets 150 counties live through their nights side by side: records are
added, changed, deleted and come back, agencies are late, people decide and undo what
they decided. That makes 1,200 nights an example.
"""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from concord.linkage.history import as_of
from tests.support.person_nights import Night, Nights

COUNTIES, NIGHTS = 150, 8
seeds = st.integers(0, 2**32)
many = settings(max_examples=2, deadline=None)


@many
@given(seeds)
def test_every_id_change_has_an_event(seed: int) -> None:
    for night in Nights(seed, COUNTIES).pass_nights(NIGHTS):
        told = {(e["kind"], e["person_id"], e["other_person_id"]) for e in night.events}
        moved = {(new, old) for new, old in told_pairs(night)}
        known = night.remembered | night.before
        for key, person in night.assigned.items():
            if key in known and known[key] != person:
                assert (person, known[key]) in moved, (seed, night.night, key)
        alive, last = set(night.assigned.values()), set(night.before.values())
        beginning = {person for kind, person, _ in told if kind != "retired"}
        ended = {p for kind, p, _ in told if kind == "retired"} | {
            other for kind, _, other in told if kind == "merged"
        }
        assert alive - last <= beginning, (seed, night.night)
        assert last - alive == ended & last, (seed, night.night)


def told_pairs(night: Night) -> set[tuple[object, object]]:
    return {
        (event["person_id"], event["other_person_id"])
        for event in night.events
        if event["kind"] in ("merged", "split")
    }


@many
@given(seeds)
def test_parted_records_never_share_an_id_and_joined_ones_always_do(seed: int) -> None:
    parted = joined = 0
    for night in Nights(seed, COUNTIES).pass_nights(NIGHTS):
        person = night.assigned
        for one, other in night.rulings.parted:
            if one in person and other in person:
                parted += 1
                assert person[one] != person[other], (seed, night.night, one, other)
        for one, other in night.rulings.joined:
            if one in person and other in person:
                joined += 1
                assert person[one] == person[other], (seed, night.night, one, other)
    assert parted > 100, "the nights are not worth looking at"
    assert joined > 30, "the nights are not worth looking at"


@many
@given(seeds)
def test_the_same_records_again_change_no_id(seed: int) -> None:
    county = Nights(seed, COUNTIES)
    for night in county.pass_nights(NIGHTS // 2):
        drawn = next(county.serial)
        again = county.link()
        assert again.assigned == night.assigned
        assert again.events == []
        assert next(county.serial) == drawn + 1, "an id was drawn"


@many
@given(seeds)
def test_a_record_deleted_and_added_again_has_its_id_back(seed: int) -> None:
    county = Nights(seed, COUNTIES)
    *_, first = county.pass_nights(NIGHTS // 2)
    seen = [dict(c.seen) for c in county.counties]
    for c in county.counties:
        for key in c.chance.sample(sorted(c.seen), 3):
            c.seen[key] = False
    gone = county.link()
    assert len(gone.keys) < len(first.keys)
    for c, before in zip(county.counties, seen, strict=True):
        c.seen = before
    back = county.link()
    assert grouping(back) != grouping(gone)
    same = same_groups(first, back)
    assert len(same) > COUNTIES
    assert {k: back.assigned[k] for k in same} == {k: first.assigned[k] for k in same}


def grouping(night: Night) -> set[frozenset[str]]:
    """Return the persons of a night as sets of records."""
    members: defaultdict[str, set[str]] = defaultdict(set)
    for key, person in night.assigned.items():
        members[person].add(key)
    return {frozenset(keys) for keys in members.values()}


def same_groups(one: Night, other: Night) -> set[str]:
    """Return the records of counties that are grouped alike on both nights."""
    differ = {min(group)[:3] for group in grouping(one) ^ grouping(other)}
    return {key for key in one.keys if key[:3] not in differ}


@many
@given(seeds)
def test_history_says_who_a_record_was_on_every_night(seed: int) -> None:
    county = Nights(seed, COUNTIES)
    nights = list(county.pass_nights(NIGHTS))
    for night in nights:
        found = as_of(county.assigned, county.history, night.night).to_pydict()
        person = dict(zip(found["record_key"], found["person_id"], strict=True))
        assert person == night.assigned, (seed, night.night)
        assert len(found["record_key"]) == len(person)
