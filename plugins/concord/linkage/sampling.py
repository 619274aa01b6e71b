"""A sample of pairs for people to judge, where nobody knows the truth.

Pairs are drawn from strata (linked or not, by weight), because the doubtful ones say
most and are few. What people said of a stratum's pairs speaks for all of its pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from concord.linkage.evaluation import Agreement
from concord.linkage.intervals import LEVEL, ROUNDS, Estimate, Measured
from concord.linkage.measuring import AtThreshold, Judged
from concord.linkage.nodes import connection, prepare_nodes
from concord.linkage.scoring import SAME_FEED, open_linker
from concord.linkage.settings import PersonModel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Below this no pair is looked at; what was missed there stays unknown.
FLOOR = -5.0
_EDGES = (FLOOR, 0.0, 5.0, 10.0, 15.0)


@dataclass(frozen=True)
class Stratum:
    """One kind of pair: how many there are, were judged, and are one person."""

    linked: bool
    lowest: float | None
    pairs: int
    judged: int
    same: int


def candidate_pairs(
    records: pa.Table,
    groups: pa.Table,
    model: PersonModel,
    night: date,
    *,
    threads: int | None = None,
    memory_limit: str | None = None,
    scratch: Path | None = None,
) -> pa.Table:
    """Return every pair that was linked or scored, by key, with stratum and weight.

    Args:
        records: Person records in the vault's schema.
        groups: ``record_key`` and ``person_id``: the linkage to be judged.
        model: The model that made it.
        night: The night of the records.
        threads: Threads for DuckDB.
        memory_limit: Memory for DuckDB.
        scratch: Where DuckDB may spill to, encrypted.
    """
    with connection(threads, memory_limit, scratch) as con:
        nodes = prepare_nodes(con, records, night, model.guard.rare_name_share)
        linker = open_linker(con, model.for_records(records.num_rows))
        scored = linker.inference.predict(
            threshold_match_weight=FLOOR, warning_mode="never"
        )
        con.register("grouping", groups.select(["record_key", "person_id"]))
        edges = " ".join(
            f"WHEN weight < {edge} THEN {before}" for before, edge in pairwise(_EDGES)
        )
        return con.sql(
            f"""
            WITH node AS (
                SELECT unique_id, feed, record_key, person_id
                FROM {nodes} INNER JOIN grouping USING (record_key)
            ),
            -- Nodes are numbered by record key, so the smaller key comes first.
            weighed AS (
                SELECT l.record_key AS one, r.record_key AS other,
                    match_weight + {SAME_FEED} AS weight,
                    l.person_id = r.person_id AS linked
                FROM {scored.physical_name} AS p
                INNER JOIN node AS l ON p.unique_id_l = l.unique_id
                INNER JOIN node AS r ON p.unique_id_r = r.unique_id
            ),
            joined AS (
                SELECT l.record_key AS one, r.record_key AS other
                FROM node AS l INNER JOIN node AS r
                ON l.person_id = r.person_id AND l.unique_id < r.unique_id
            ),
            pair AS (
                FROM weighed
                UNION ALL
                SELECT one, other, NULL AS weight, true AS linked
                FROM joined ANTI JOIN weighed USING (one, other)
            )
            SELECT one, other, linked, weight,
                CASE WHEN weight IS NULL THEN NULL {edges} ELSE {_EDGES[-1]} END::DOUBLE
                    AS lowest
            FROM pair ORDER BY one, other
            """,
            params={"same_feed": model.guard.same_feed_weight},
        ).to_arrow_table()


def draw(pairs: pa.Table, wanted: int, seed: int) -> pa.Table:
    """Draw pairs, about equally many of each stratum, in an order that tells nothing.

    Returns:
        The pairs drawn, with ``pairs_in_stratum``, how many there were to draw from.
    """
    rng = np.random.default_rng(seed)
    strata = _places(pairs)
    taken: list[int] = []
    sizes: dict[int, int] = {}
    left = wanted
    for done, places in enumerate(sorted(strata.values(), key=len)):
        share = min(len(places), left // (len(strata) - done))
        chosen = rng.choice(places, share, replace=False).tolist()
        sizes.update(dict.fromkeys(chosen, len(places)))
        taken += chosen
        left -= share
    order = rng.permutation(np.array(taken, np.int64)).tolist()
    return pairs.take(order).append_column(
        "pairs_in_stratum", pa.array([sizes[place] for place in order], pa.int64())
    )


def _places(pairs: pa.Table) -> dict[tuple[bool, float | None], list[int]]:
    """Return the places of the pairs of each stratum."""
    places: dict[tuple[bool, float | None], list[int]] = {}
    columns = pairs.select(["linked", "lowest"]).to_pydict()
    for place, key in enumerate(zip(columns["linked"], columns["lowest"], strict=True)):
        places.setdefault(key, []).append(place)
    return places


def strata(sample: pa.Table, labels: Mapping[int, bool | None]) -> tuple[Stratum, ...]:
    """Count what people said of the pairs of each stratum.

    Args:
        sample: What ``draw`` returned.
        labels: For each pair's place in the sample whether it is one person; None
            where the judge is not sure.
    """
    sizes = sample["pairs_in_stratum"].to_pylist()
    counted = []
    for (linked, lowest), places in _places(sample).items():
        said = [labels[p] for p in places if labels.get(p) is not None]
        counted.append(
            Stratum(linked, lowest, sizes[places[0]], len(said), sum(map(bool, said)))
        )
    return tuple(sorted(counted, key=lambda s: (s.linked, s.lowest or 0.0)))


def judged_pairs(sample: pa.Table, labels: Mapping[int, bool | None]) -> Judged:
    """Count the pairs drawn, judged, and left open by the judge."""
    said = [labels[place] for place in range(sample.num_rows) if place in labels]
    unsure = sum(label is None for label in said)
    return Judged(sample.num_rows, len(said) - unsure, unsure)


def estimate(counted: Sequence[Stratum], seed: int) -> Measured:
    """Estimate pairwise quality: each stratum's share of true pairs, times its size.

    Intervals are of the shares that the judged pairs leave possible (Beta distribution
    with Jeffreys' prior), drawn together for all strata. Recall is among pairs that
    were looked at: those that share a blocking key and score above the floor.
    """
    known = [stratum for stratum in counted if stratum.judged]
    share = np.array([s.same / s.judged for s in known])
    size = np.array([s.pairs for s in known], np.float64)
    linked = np.array([s.linked for s in known], np.bool_)
    same = np.array([s.same for s in known], np.float64)
    judged = np.array([s.judged for s in known], np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.beta(same + 0.5, judged - same + 0.5, size=(ROUNDS, len(known)))
    counts = _counts(share, size, linked)
    spread = _rates(drawn, size, linked)
    point = _rates(share[None, :], size, linked)[:, 0]
    return Measured(
        Agreement(*(round(float(count)) for count in counts)),
        *(_between(point[n], spread[n]) for n in range(3)),
    )


def _counts(share: Floats, size: Floats, linked: Bools) -> tuple[Floats, ...]:
    """Return true, found and correct pairs, as many as the strata stand for."""
    true = (share * size).sum(axis=-1)
    correct = (share * size)[..., linked].sum(axis=-1)
    return true, size[linked].sum(), correct


def _rates(share: Floats, size: Floats, linked: Bools) -> Floats:
    """Return precision, recall and F1 for each row of shares."""
    true, found, correct = _counts(share, size, linked)
    zero = np.ones_like(true)
    precision = np.divide(correct, found, out=zero.copy(), where=found > 0)
    recall = np.divide(correct, true, out=zero.copy(), where=true > 0)
    both = found + true
    return np.stack(
        [precision, recall, np.divide(2 * correct, both, out=zero, where=both > 0)]
    )


def _between(value: float, drawn: Floats) -> Estimate:
    """Return a rate with the middle of what was drawn, and itself within."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


def curve_of(counted: Sequence[Stratum]) -> tuple[AtThreshold, ...]:
    """Estimate how good linking from each stratum's lowest weight on would be."""
    known = [s for s in counted if s.judged and s.lowest is not None]
    share = np.array([s.same / s.judged for s in known])
    size = np.array([s.pairs for s in known], np.float64)
    found = []
    for weight in sorted({s.lowest for s in known if s.lowest is not None}):
        above = np.array([s.lowest is not None and s.lowest >= weight for s in known])
        precision, recall, f1 = _rates(share[None, :], size, above)[:, 0].tolist()
        found.append(AtThreshold(weight, precision, recall, f1))
    return tuple(found)
