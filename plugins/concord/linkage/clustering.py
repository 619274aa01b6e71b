"""From linked pairs to persons: connected records, cut where they contradict.

Or where one weak link is all that holds two groups together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf

import numpy as np
import numpy.typing as npt

from concord.exceptions import LinkageError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Link = tuple[float, int, int]


def connect(count: int, left: Ints, right: Ints) -> Ints:
    """Return for each of ``count`` nodes the smallest node it is connected to."""
    group = np.arange(count, dtype=np.int64)
    while True:
        lowest = np.minimum(group[left], group[right])
        before = group.copy()
        np.minimum.at(group, group[left], lowest)
        np.minimum.at(group, group[right], lowest)
        group = group[group]
        if np.array_equal(group, before):
            return group


def limit_size(
    count: int, links: tuple[Floats, Ints, Ints], *, largest: int, strict_weight: float
) -> npt.NDArray[np.bool_]:
    """Return which links to keep so that no group holds more than ``largest`` nodes.

    A group that is too big keeps only its links at ``strict_weight`` or above.

    Raises:
        LinkageError: A group stays too big even so; a person is never guessed.
    """
    weight, left, right = links
    keep = np.ones(len(weight), dtype=np.bool_)
    sizes = _sizes(connect(count, left, right))
    if sizes.max(initial=0) <= largest:
        return keep
    keep = (sizes[left] <= largest) | (weight >= strict_weight)
    sizes = _sizes(connect(count, left[keep], right[keep]))
    if sizes.max(initial=0) > largest:
        raise LinkageError(
            "GIANT_CLUSTER",
            f"a group of {sizes.max()} records would be one person; the limit is "
            f"{largest}",
            "Look for a placeholder that passes as a name, SSN or phone; yesterday's "
            "persons stay in force",
        )
    return keep


def loosely_joined(
    group: Ints, links: tuple[Floats, Ints, Ints], *, bridge_weight: float
) -> Ints:
    """Return the groups that only weak links hold together, each by its smallest node.

    Such a group falls into two or more groups of two nodes or more where its links
    below ``bridge_weight`` are left out.
    """
    weight, left, right = links
    strong = weight >= bridge_weight
    inner = connect(len(group), left[strong], right[strong])
    first = (inner == np.arange(len(group))) & (_sizes(inner) > 1)
    inside = np.bincount(group[first], minlength=len(group))
    return np.flatnonzero(inside > 1)


def cut_contradictions(
    links: Iterable[Link],
    refused: Iterable[tuple[int, int]],
    *,
    bridge_weight: float = -inf,
) -> dict[int, int]:
    """Group nodes by their strongest links, never two that are refused together.

    Links are taken from the strongest down, as in Kruskal's algorithm. One that would
    put two refused nodes into one group is left out, and so is one below
    ``bridge_weight`` that alone would join two groups which hold without such links.
    Ties go to the lowest node.

    Returns:
        For each node that has a link, the smallest node of its group.
    """
    ordered = sorted(links, key=lambda link: (-link[0], link[1], link[2]))
    enemies = _neighbours(refused)
    friends = _neighbours((left, right) for _, left, right in ordered)
    home = {node: node for node in friends}
    members = {node: {node} for node in friends}
    held: set[int] = set()
    for weight, left, right in ordered:
        kept, joined = sorted((home[left], home[right]))
        if kept == joined:
            continue
        one, other = members[kept], members[joined]
        if _between(one, other, enemies):
            continue
        strong = weight >= bridge_weight
        both_hold = kept in held and joined in held
        if both_hold and not strong and _between(one, other, friends) == 1:
            continue
        one |= other
        for node in members.pop(joined):
            home[node] = kept
        if strong or joined in held:
            held.add(kept)
    return home


def _neighbours(pairs: Iterable[tuple[int, int]]) -> defaultdict[int, set[int]]:
    """Return for each node those that a pair joins it with."""
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    return neighbours


def _between(one: set[int], other: set[int], neighbours: Mapping[int, set[int]]) -> int:
    """Count the pairs of neighbours between two groups."""
    return sum(len(neighbours.get(node, set()) & other) for node in one)


def _sizes(group: Ints) -> Ints:
    """Return for each node the size of its group."""
    return np.bincount(group, minlength=len(group))[group]
