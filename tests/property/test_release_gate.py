"""The release gate under any sequence of decisions: what left was approved."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.exceptions import GateRefused
from concord.publication.gate import (
    FROM,
    Candidate,
    Context,
    Vote,
    decide,
    fold,
    same_person,
)

CONTEXT = {"population": "all", "period": "2026", "count": 40, "related": "none"}
FILES = {"a/part-00000.parquet": "1" * 64, "b.csv": "2" * 64}
OTHER = {"a/part-00000.parquet": "3" * 64, "b.csv": "2" * 64}
PEOPLE = ("ada", "ben", "cleo", " Ada ")
EDGES = {
    ("draft", "checked"),
    ("draft", "superseded"),
    ("checked", "checked"),
    ("checked", "draft"),
    ("checked", "released"),
    ("checked", "superseded"),
    ("released", "superseded"),
    ("released", "withdrawn"),
    ("superseded", "withdrawn"),
}

people = st.sampled_from(PEOPLE)
files = st.sampled_from((FILES, OTHER))
decisions = st.one_of(
    st.tuples(
        st.just("checked"),
        people,
        st.builds(lambda f: {"context": CONTEXT, "files": f}, files),
    ),
    st.tuples(
        st.just("voted"),
        people,
        st.builds(
            lambda file, of, yes: {"file": file, "sha256": of[file], "approves": yes},
            st.sampled_from(sorted(FILES)),
            files,
            st.booleans(),
        ),
    ),
    st.tuples(st.just("changed"), people, st.just({})),
    st.tuples(st.just("released"), people, st.builds(lambda f: {"files": f}, files)),
    st.tuples(st.just("withdrawn"), people, st.just({"reason": "wrong"})),
    st.tuples(st.just("superseded"), people, st.just({})),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(decisions, max_size=40), st.integers(0, 3))
def test_whatever_is_decided_only_what_was_approved_leaves(steps, reviewers):
    now = Candidate("public", 1, reviewers)
    taken = []
    for step in steps:
        try:
            after = decide(now, *step)
        except GateRefused:
            continue
        taken.append(step)
        assert (now.state, after.state) in EDGES
        if after.state == "released":
            for file in after.files:
                approved = after.approvals(file)
                assert len(approved) >= reviewers
                assert after.author not in approved
                assert not after.rejections(file)
        if after.state == "withdrawn":
            assert after.left
        now = after
    assert fold(Candidate("public", 1, reviewers), taken) == now


def checked(reviewers: int = 2, author: str = "ada") -> Candidate:
    draft = Candidate("public", 1, reviewers)
    return decide(draft, "checked", author, {"context": CONTEXT, "files": FILES})


def voted(candidate: Candidate, by: str, *, approves: bool = True) -> Candidate:
    for file, sha256 in FILES.items():
        facts = {"file": file, "sha256": sha256, "approves": approves}
        candidate = decide(candidate, "voted", by, facts)
    return candidate


def code(candidate: Candidate, kind: str, by: str, facts: dict) -> str:
    """Return the code with which a decision is refused."""
    with pytest.raises(GateRefused) as refusal:
        decide(candidate, kind, by, facts)
    assert refusal.value.remedy
    return refusal.value.code


def reached(state: str) -> Candidate:
    """Return a candidate that came to a state by decisions."""
    first = checked()
    released = decide(
        voted(voted(first, "ben"), "cleo"), "released", "ada", {"files": FILES}
    )
    return {
        "draft": Candidate("public", 1, 2),
        "checked": first,
        "released": released,
        "withdrawn": decide(released, "withdrawn", "ada", {"reason": "wrong"}),
        "superseded": decide(first, "superseded", "ada", {}),
    }[state]


FACTS = {
    "checked": {"context": CONTEXT, "files": FILES},
    "voted": {"file": "b.csv", "sha256": FILES["b.csv"], "approves": True},
    "changed": {},
    "released": {"files": FILES},
    "withdrawn": {"reason": "wrong"},
    "superseded": {},
}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (state, kind)
        for state in ("draft", "checked", "released", "withdrawn", "superseded")
        for kind, allowed in FROM.items()
        if state not in allowed
    ],
)
def test_a_decision_out_of_turn_is_refused(state, kind):
    assert code(reached(state), kind, "ben", FACTS[kind]) == "NOT_IN_THIS_STATE"


def test_two_reviewers_let_it_out_and_one_does_not():
    one = voted(checked(), "ben")
    assert code(one, "released", "ada", {"files": FILES}) == "NOT_APPROVED"
    both = voted(one, "cleo")
    assert decide(both, "released", "ada", {"files": FILES}).state == "released"


def test_each_file_needs_its_own_votes():
    facts = {"file": "b.csv", "sha256": FILES["b.csv"], "approves": True}
    half = decide(voted(checked(), "ben"), "voted", "cleo", facts)
    assert half.waits_for() == {"a/part-00000.parquet": 1}
    assert code(half, "released", "ada", {"files": FILES}) == "NOT_APPROVED"


@pytest.mark.parametrize("author", ["ada", " Ada", "ADA "])
def test_the_author_can_not_review(author):
    assert code(checked(), "voted", author, FACTS["voted"]) == "AUTHOR_VOTED"


@pytest.mark.parametrize("again", ["ben", "Ben", " ben "])
def test_the_same_reviewer_counts_once(again):
    one = voted(checked(), "ben")
    assert code(one, "voted", again, FACTS["voted"]) == "VOTED_ALREADY"
    assert one.approvals("b.csv") == {same_person(again)}
    assert code(one, "released", "ada", {"files": FILES}) == "NOT_APPROVED"


def test_a_rejection_holds_it_until_its_reviewer_votes_otherwise():
    both = voted(voted(checked(), "ben"), "cleo")
    held = decide(both, "voted", "cleo", {**FACTS["voted"], "approves": False})
    assert code(held, "released", "ada", {"files": FILES}) == "REJECTED"
    again = decide(held, "voted", "cleo", FACTS["voted"])
    assert decide(again, "released", "ada", {"files": FILES}).state == "released"


def test_votes_on_other_bytes_are_void():
    both = voted(voted(checked(), "ben"), "cleo")
    changed = replace(both, files=OTHER)
    assert changed.waits_for() == {"a/part-00000.parquet": 2}
    assert code(changed, "released", "ada", {"files": OTHER}) == "NOT_APPROVED"
    assert code(both, "released", "ada", {"files": OTHER}) == "FILE_CHANGED"
    stale = {"file": "b.csv", "sha256": "9" * 64, "approves": True}
    assert code(both, "voted", "dora", stale) == "FILE_CHANGED"
    anew = decide(both, "changed", "concord", {})
    assert (anew.state, anew.votes) == ("draft", ())


@pytest.mark.parametrize(
    "name", ["map.svg", "page.html", "rows.xlsx", "rows.csv.exe", "noext", "x.PARQUET"]
)
def test_a_file_type_that_is_not_allowed_stops_it(name):
    facts = {"context": CONTEXT, "files": {**FILES, name: "4" * 64}}
    draft = Candidate("public", 1, 2)
    assert code(draft, "checked", "ada", facts) == "FILE_TYPE_NOT_ALLOWED"


@pytest.mark.parametrize("lacking", ["population", "period", "related"])
def test_context_is_required(lacking):
    draft = Candidate("public", 1, 2)
    facts = {"context": {**CONTEXT, lacking: " "}, "files": FILES}
    assert code(draft, "checked", "ada", facts) == "CONTEXT_MISSING"


def test_a_decision_names_somebody_and_a_withdrawal_its_reason():
    assert code(reached("draft"), "checked", " ", FACTS["checked"]) == "NOBODY_NAMED"
    released = reached("released")
    assert code(released, "withdrawn", "ada", {"reason": " "}) == "NO_REASON"
    never_out = reached("superseded")
    refused = code(never_out, "withdrawn", "ada", {"reason": "wrong"})
    assert refused == "NOT_IN_THIS_STATE"


def test_what_nobody_has_to_review_goes_straight_out():
    free = checked(reviewers=0)
    assert decide(free, "released", "ada", {"files": FILES}).state == "released"


def test_a_vote_is_of_bytes():
    vote = Vote("ben", "b.csv", FILES["b.csv"], approves=True)
    assert voted(checked(), "Ben").votes[1] == vote
    assert checked().context == Context(**CONTEXT)
