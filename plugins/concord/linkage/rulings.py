"""What people decided about pairs of records, put over what the model says.

Records that were joined by decision are one person and records that were parted are
two, whatever their weights, and so is everybody whom decisions chain to them: if a is
b, and b is not c, then a is not c either, even on a night on which b is missing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

import pyarrow as pa
import pyarrow.compute as pc

from concord.linkage.clustering import cut_contradictions

Pair = tuple[str, str]
KeyLink = tuple[float, str, str]
LinksAmong = Callable[[Sequence[str]], Iterable[KeyLink]]


@dataclass(frozen=True)
class Rulings:
    """Pairs of record keys that are, and are not, one person by decision."""

    joined: frozenset[Pair] = frozenset()
    parted: frozenset[Pair] = frozenset()

    def keys(self) -> set[str]:
        """Return every record key that a decision names."""
        return {key for pair in self.joined | self.parted for key in pair}

    def blocks(self) -> dict[str, str]:
        """Return for every named record the smallest one that it is joined with."""
        links = ((inf, one, other) for one, other in self.joined)
        home = _grouped(links, (), self.keys())
        return {key: home[key] for key in self.keys()}

    def contradiction(self) -> bool:
        """Say whether records are parted that decisions also join."""
        block = self.blocks()
        return any(block[one] == block[other] for one, other in self.parted)


NOTHING_RULED = Rulings()


def apply_rulings(
    clusters: pa.Table, rulings: Rulings, links_among: LinksAmong
) -> pa.Table:
    """Regroup the clusters that decisions touch; all others stay as they are.

    A decision that joins two records joins their whole clusters. A decision that parts
    two takes the cluster apart along its weakest links.

    Args:
        clusters: ``record_key`` and ``cluster_id``, as the model groups them.
        rulings: What was decided.
        links_among: Gives the model's links among the records named.
    """
    named = pa.array(sorted(rulings.keys()), pa.string())
    involved = clusters.filter(pc.is_in(clusters["record_key"], value_set=named))
    if not involved.num_rows:
        return clusters
    touched = pc.is_in(
        clusters["cluster_id"], value_set=involved["cluster_id"].combine_chunks()
    )
    inside = clusters.filter(touched)
    home = _regroup(inside, rulings, links_among)
    keys = inside["record_key"]
    regrouped = pa.table(
        [keys, pa.array([home[key] for key in keys.to_pylist()], pa.string())],
        schema=clusters.schema,
    )
    rest = clusters.filter(pc.invert(touched))
    return pa.concat_tables([rest, regrouped]).sort_by("record_key")


def _regroup(
    clusters: pa.Table, rulings: Rulings, links_among: LinksAmong
) -> dict[str, str]:
    """Return for each record the smallest one of the group that decisions leave."""
    cluster_of = dict(
        zip(
            clusters["record_key"].to_pylist(),
            clusters["cluster_id"].to_pylist(),
            strict=True,
        )
    )
    members: defaultdict[str, list[str]] = defaultdict(list)
    for key, cluster in sorted(cluster_of.items()):
        members[cluster].append(key)
    blocks: defaultdict[str, list[str]] = defaultdict(list)
    for key, block in sorted(rulings.blocks().items()):
        if key in cluster_of:
            blocks[block].append(key)
    home_block = rulings.blocks()
    links = [
        *((inf, block[0], key) for block in blocks.values() for key in block[1:]),
        *(
            link
            for link in links_among(sorted(cluster_of))
            if cluster_of[link[1]] == cluster_of[link[2]]
        ),
        # Whoever no link holds stays with its cluster, if nothing speaks against it.
        *((-inf, group[0], key) for group in members.values() for key in group[1:]),
    ]
    refused = (
        pair
        for one, other in rulings.parted
        for pair in product(
            blocks.get(home_block[one], ()), blocks.get(home_block[other], ())
        )
    )
    return _grouped(links, refused, cluster_of)


def _grouped(
    links: Iterable[KeyLink], refused: Iterable[Pair], keys: Iterable[str]
) -> dict[str, str]:
    """Group keys by their strongest links, never two that are refused together."""
    ordered = sorted(keys)
    number = {key: place for place, key in enumerate(ordered)}
    home = cut_contradictions(
        ((weight, number[one], number[other]) for weight, one, other in links),
        ((number[one], number[other]) for one, other in refused),
    )
    return {key: ordered[home.get(place, place)] for key, place in number.items()}
