import duckdb
import pyarrow as pa
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.references import References
from concord.deidentification.grouping import collapsed, group_lookup, groups_of
from concord.exceptions import ContractError

ACTION = ConceptAction(action="collapse", groups="kinds", minimum=5, other="OTHER")
KINDS = {"13A": "assault", "13B": "assault", "220": "burglary", "720": "animals"}


def persons(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


def test_small_groups_become_other_which_is_not_small_itself():
    sizes = {"a": 50, "b": 20, "c": 3, "d": 1}

    made = collapsed(sizes, lambda some: sum(sizes[g] for g in some), 5, "OTHER")

    assert made == {"a": "a", "b": "OTHER", "c": "OTHER", "d": "OTHER"}


@settings(deadline=None)
@examples(
    st.dictionaries(
        st.sampled_from("abcdefg") | st.just("OTHER"),
        st.sets(st.integers(0, 60), min_size=1, max_size=40),
    ),
    st.integers(5, 20),
)
def test_no_group_is_small_unless_there_is_but_one(members, minimum: int):
    def persons_in(some) -> int:
        return len(set().union(*(members[group] for group in some)))

    made = collapsed(members, persons_in, minimum, "OTHER")

    assert made.keys() == members.keys()
    for name in set(made.values()):
        together = persons_in([g for g in made if made[g] == name])
        assert together >= minimum or set(made.values()) == {name}


def test_the_lookup_counts_persons_and_not_rows():
    values = pa.table(
        {
            "value": ["13A"] * 6 + ["13B"] * 6 + ["220"] * 9 + ["720", "999", None],
            "person": persons(*range(6), *range(6), *[7] * 9, 1, 2, 3),
        }
    )
    with duckdb.connect() as con:
        con.register("rows", values)
        made = group_lookup(ACTION, KINDS, "SELECT * FROM rows", con).to_pylist()
        left = con.execute("SHOW TABLES").fetchall()

    # One burglar, one case of animals and one unknown code: three persons, too few.
    assert {row["value"]: row["made"] for row in made} == dict.fromkeys(
        ("13A", "13B", "220", "720", "999"), "OTHER"
    )
    assert left == [("rows",)]


def test_a_large_group_stays_beside_other():
    values = pa.table(
        {
            "value": ["13A"] * 9 + ["220"] * 4 + ["999"] * 3,
            "person": persons(*range(16)),
        }
    )
    with duckdb.connect() as con:
        con.register("rows", values)
        made = group_lookup(ACTION, KINDS, "SELECT * FROM rows", con).to_pylist()

    assert {row["value"]: row["made"] for row in made} == {
        "13A": "assault",
        "220": "OTHER",
        "999": "OTHER",
    }


def test_groups_a_minimum_and_a_name_for_the_rest_must_be_given():
    known = References(groups={"kinds": KINDS})

    assert groups_of(ACTION, known) == KINDS
    for lacking in ("groups", "minimum", "other"):
        action = ConceptAction(
            **ACTION.model_dump(exclude_unset=True, exclude={lacking})
        )
        with pytest.raises(ContractError, match="needs groups, minimum and other"):
            groups_of(action, known)
