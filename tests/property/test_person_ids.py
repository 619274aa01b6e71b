"""Person ids over generated nights of added, changed and deleted records."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.exceptions import IntegrityError
from concord.linkage.identity import Assignment, assign_person_ids

Grouping = dict[str, int]
RECORDS = [f"r{n}" for n in range(8)]
groupings = st.dictionaries(st.sampled_from(RECORDS), st.integers(0, 4))
histories = st.lists(groupings, min_size=1, max_size=4)


@dataclass
class County:
    """A county whose nights are assigned one after the other."""

    serial: Callable[[], int] = field(default_factory=lambda: count(1).__next__)
    last: Assignment | None = None

    def draw(self, wanted: int) -> list[str]:
        return [f"p{self.serial():03d}" for _ in range(wanted)]

    def night(self, grouping: Grouping) -> Assignment:
        self.last = assign_person_ids(
            clusters(grouping),
            self.last.assignments if self.last else None,
            self.draw,
            self.last.retired if self.last else None,
        )
        return self.last


def clusters(grouping: Grouping) -> pa.Table:
    return pa.table(
        {
            "record_key": pa.array(list(grouping), pa.string()),
            "cluster_id": pa.array([f"c{n}" for n in grouping.values()], pa.string()),
        }
    )


def ids(assignment: Assignment | None) -> dict[str, str]:
    if assignment is None:
        return {}
    table = assignment.assignments.to_pydict()
    return dict(zip(table["record_key"], table["person_id"], strict=True))


def remembered(assignment: Assignment | None) -> dict[str, str]:
    if assignment is None:
        return {}
    table = assignment.retired.to_pydict()
    return dict(zip(table["record_key"], table["person_id"], strict=True))


@given(histories)
@settings(max_examples=15, deadline=None)
def test_ids_are_one_to_one_with_clusters(history: list[Grouping]) -> None:
    county = County()
    for grouping in history:
        person = ids(county.night(grouping))
        assert set(person) == set(grouping)
        pairs = {(grouping[record], person[record]) for record in grouping}
        assert len(pairs) == len(set(grouping.values())) == len(set(person.values()))


@given(histories)
@settings(max_examples=15, deadline=None)
def test_the_same_night_again_changes_nothing(history: list[Grouping]) -> None:
    county = County()
    for grouping in history:
        first = county.night(grouping)
    again = county.night(dict(reversed(history[-1].items())))
    assert again.assignments == first.assignments
    assert again.events.num_rows == 0
    assert again.retired == first.retired


@given(histories)
@settings(max_examples=15, deadline=None)
def test_every_change_has_an_event(history: list[Grouping]) -> None:
    county = County()
    seen: set[str] = set()
    for grouping in history:
        known = remembered(county.last) | ids(county.last)
        before = set(ids(county.last).values())
        night = county.night(grouping)
        after = ids(night)
        events = night.events.to_pylist()
        moved = Counter(
            (after[record], known[record])
            for record in after
            if record in known and known[record] != after[record]
        )
        told = {
            (event["person_id"], event["other_person_id"]): event["records"]
            for event in events
            if event["kind"] in ("split", "merged")
        }
        assert told == moved
        _check_beginnings(events, before, set(after.values()), seen)
        seen |= set(after.values())


def _check_beginnings(
    events: list[dict[str, object]], before: set[str], after: set[str], seen: set[str]
) -> None:
    """Every id that begins, ends or comes back tonight says so."""
    by_kind = {
        kind: {event["person_id"] for event in events if event["kind"] == kind}
        for kind in ("created", "restored", "retired", "split", "merged")
    }
    assert by_kind["created"] | by_kind["split"] | by_kind["merged"] >= after - seen
    assert by_kind["created"] <= after - seen
    assert by_kind["restored"] == (after & seen) - before
    absorbed = {event["other_person_id"] for event in events}
    assert by_kind["retired"] == before - after - absorbed


@given(groupings, groupings)
@settings(max_examples=15, deadline=None)
def test_a_record_that_comes_back_gets_its_id_back(
    grouping: Grouping, kept: Grouping
) -> None:
    county = County()
    first = ids(county.night(grouping))
    county.night({r: g for r, g in grouping.items() if r in kept})
    assert ids(county.night(grouping)) == first


@given(groupings)
@settings(max_examples=15, deadline=None)
def test_a_person_without_records_is_remembered_for_long(grouping: Grouping) -> None:
    county = County()
    first = ids(county.night(grouping))
    gone = county.night({})
    assert set(gone.events["kind"].to_pylist()) <= {"retired"}
    county.night({})
    back = county.night(grouping)
    assert ids(back) == first
    assert set(back.events["kind"].to_pylist()) <= {"restored"}
    assert back.retired.num_rows == 0


def test_the_larger_part_keeps_the_id_and_ties_go_to_the_smallest_key() -> None:
    county = County()
    first = ids(county.night({"r0": 0, "r1": 0, "r2": 0, "r3": 1, "r4": 1}))
    split = county.night({"r0": 0, "r1": 1, "r2": 1, "r3": 2, "r4": 3})
    after = ids(split)
    assert after["r1"] == after["r2"] == first["r0"]
    assert after["r3"] == first["r3"]
    assert split.events.to_pylist() == [
        {"kind": "split", "person_id": after[new], "other_person_id": first[new],
         "records": 1}
        for new in ("r0", "r4")
    ]  # fmt: skip


def test_a_merge_keeps_the_id_of_more_records() -> None:
    county = County()
    first = ids(county.night({"r0": 0, "r1": 1, "r2": 1}))
    merged = county.night({"r0": 0, "r1": 0, "r2": 0})
    assert set(ids(merged).values()) == {first["r1"]}
    assert merged.events.to_pylist() == [
        {"kind": "merged", "person_id": first["r1"], "other_person_id": first["r0"],
         "records": 1}
    ]  # fmt: skip


def test_living_records_claim_an_id_before_remembered_ones() -> None:
    county = County()
    first = ids(county.night({"r0": 0, "r1": 0, "r2": 0}))
    county.night({"r2": 0})
    back = ids(county.night({"r0": 0, "r1": 0, "r2": 1}))
    assert back["r2"] == first["r2"]
    assert back["r0"] != first["r0"]


def test_an_id_that_was_used_before_is_refused() -> None:
    first = assign_person_ids(clusters({"r0": 0}), None, lambda n: ["p"] * n)
    with pytest.raises(IntegrityError, match="not new"):
        assign_person_ids(
            clusters({"r0": 0, "r1": 1}), first.assignments, lambda n: ["p"] * n
        )
    with pytest.raises(IntegrityError, match="not new"):
        assign_person_ids(clusters({"r0": 0, "r1": 1}), None, lambda n: ["p"] * n)
