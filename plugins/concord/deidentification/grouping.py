"""Codes put together to groups, and small groups to one."""

from collections.abc import Callable, Collection, Mapping

import duckdb
import pyarrow as pa

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.references import References
from concord.duck import fetch, one
from concord.exceptions import ContractError


def groups_of(action: ConceptAction, references: References) -> Mapping[str, str]:
    """Return the group of each code; raises ContractError without all parameters."""
    groups = references.groups.get(action.groups or "")
    if groups is None or action.minimum is None or not action.other:
        raise ContractError(
            f"collapse needs groups, minimum and other, but has '{action.groups}', "
            f"'{action.minimum}' and '{action.other}'. Add include/groups/<name>.csv "
            "with code,group"
        )
    return groups


def group_lookup(
    action: ConceptAction,
    groups: Mapping[str, str],
    values: str,
    con: duckdb.DuckDBPyConnection,
) -> pa.Table:
    """Return ``value`` and ``made``: the group in which each value leaves.

    A code that the list of groups lacks belongs to the other ones from the start.

    Args:
        action: ``collapse`` with its parameters.
        groups: The group of each code.
        values: Query of ``value`` and ``person``.
        con: Connection that sees them.
    """
    assert action.minimum is not None
    assert action.other is not None
    listed = pa.table({"code": list(groups), "grouped": list(groups.values())})
    con.register("_groups", listed)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _grouped AS SELECT DISTINCT value, person, "
        f"coalesce(grouped, $other) AS grouped FROM ({values}) "
        "LEFT JOIN _groups ON code = value WHERE value IS NOT NULL",
        {"other": action.other},
    )
    con.unregister("_groups")

    def persons_in(some: Collection[str]) -> int:
        counted = "SELECT count(DISTINCT person) FROM _grouped"
        return int(
            one(con, f"{counted} WHERE list_contains(?, grouped)", [list(some)])[0]
        )

    found = fetch(con, "SELECT DISTINCT value, grouped FROM _grouped").to_pylist()
    names = collapsed(
        {row["grouped"] for row in found}, persons_in, action.minimum, action.other
    )
    con.execute("DROP TABLE _grouped")
    return pa.table(
        {
            "value": pa.array([row["value"] for row in found], pa.string()),
            "made": pa.array([names[row["grouped"]] for row in found], pa.string()),
        }
    )


def collapsed(
    groups: Collection[str],
    persons_in: Callable[[Collection[str]], int],
    minimum: int,
    other: str,
) -> dict[str, str]:
    """Return what each group is called once none has fewer persons than ``minimum``.

    Small groups become ``other``. Were ``other`` itself small, who is in it would be
    known by what is not; so the next smallest groups join it until it is not.

    Args:
        groups: Every group that occurs.
        persons_in: Counts the persons of some groups together, each once.
        minimum: The fewest persons that a group may have.
        other: The name of those put together.
    """
    sizes = {group: persons_in([group]) for group in groups}
    rest = sorted((g for g in groups if g != other), key=lambda g: (sizes[g], g))
    together = {other} & sizes.keys()
    while rest and (
        sizes[rest[0]] < minimum or (0 < persons_in(together) < minimum and together)
    ):
        together.add(rest.pop(0))
    return {group: other if group in together else group for group in groups}
