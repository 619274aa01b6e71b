"""From linked pairs to persons: connected records, cut where they contradict."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

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


def cut_contradictions(
    links: Iterable[Link], refused: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Group nodes by their strongest links, never two that are refused together.

    Links are taken from the strongest down, as in Kruskal's algorithm; one that would
    put two refused nodes into one group is left out. Ties go to the lowest node.

    Returns:
        For each node that has a link, the smallest node of its group.
    """
    enemies: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in refused:
        enemies[one].add(other)
        enemies[other].add(one)
    members: dict[int, set[int]] = {}
    home: dict[int, int] = {}
    for _, left, right in sorted(links, key=lambda link: (-link[0], link[1], link[2])):
        for node in (left, right):
            if node not in home:
                home[node] = node
                members[node] = {node}
        kept, joined = sorted((home[left], home[right]))
        if kept == joined or _contradict(members[kept], members[joined], enemies):
            continue
        members[kept] |= members[joined]
        for node in members.pop(joined):
            home[node] = kept
    return home


def _contradict(
    one: set[int], other: set[int], enemies: Mapping[int, set[int]]
) -> bool:
    """Tell whether any node of one group is refused with any of the other."""
    return any(enemies.get(node, set()) & other for node in one)


def _sizes(group: Ints) -> Ints:
    """Return for each node the size of its group."""
    return np.bincount(group, minlength=len(group))[group]
