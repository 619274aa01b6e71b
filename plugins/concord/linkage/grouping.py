"""The persons of a run: its links, grouped in its connection."""

import duckdb
import numpy as np
import pyarrow as pa

from concord.linkage.clustering import (
    Ints,
    connect,
    cut_contradictions,
    limit_size,
    loosely_joined,
)
from concord.linkage.guard import refused_within_groups
from concord.linkage.nodes import TABLES
from concord.linkage.settings import PersonModel


def group_records(
    con: duckdb.DuckDBPyConnection, model: PersonModel, count: int
) -> Ints:
    """Return the group of every node: connected links, cut where they contradict."""
    found = con.execute(
        f"""
        SELECT match_weight, unique_id_l, unique_id_r FROM {TABLES.pairs}
        WHERE match_weight >= $link_weight AND refusal IS NULL
        ORDER BY unique_id_l, unique_id_r
        """,
        {"link_weight": model.thresholds.link_weight},
    ).fetchnumpy()
    weight = np.asarray(found["match_weight"], dtype=np.float64)
    left = np.asarray(found["unique_id_l"], dtype=np.int64)
    right = np.asarray(found["unique_id_r"], dtype=np.int64)
    keep = limit_size(
        count,
        (weight, left, right),
        largest=model.guard.max_cluster_size,
        strict_weight=model.guard.strict_weight,
    )
    weight, left, right = weight[keep], left[keep], right[keep]
    group = connect(count, left, right)
    _register_groups(con, group)
    refused = refused_within_groups(con, model.guard, TABLES)
    bridge_weight = model.guard.bridge_weight
    loose = loosely_joined(group, (weight, left, right), bridge_weight=bridge_weight)
    inside = np.isin(group[left], [*(item[0] for item in refused), *loose])
    links = zip(
        weight[inside].tolist(),
        left[inside].tolist(),
        right[inside].tolist(),
        strict=True,
    )
    home = cut_contradictions(
        links,
        ((one, other) for _, one, other in refused),
        bridge_weight=bridge_weight,
    )
    group[list(home)] = list(home.values())
    return group


def _register_groups(con: duckdb.DuckDBPyConnection, group: Ints) -> None:
    """Write the groups of more than two nodes, where a chain can contradict."""
    sizes = np.bincount(group, minlength=len(group))[group]
    nodes = np.flatnonzero(sizes > 2)
    con.register(
        "grouped_nodes", pa.table({"unique_id": nodes, "group_id": group[nodes]})
    )
    con.execute(f"CREATE TABLE {TABLES.groups} AS FROM grouped_nodes")


def name_groups(con: duckdb.DuckDBPyConnection, group: Ints) -> pa.Table:
    """Return record keys with the smallest record key of their group."""
    con.register(
        "grouped", pa.table({"unique_id": np.arange(len(group)), "group_id": group})
    )
    return con.sql(
        f"""
        SELECT n.record_key, first.record_key AS cluster_id
        FROM grouped AS g
        INNER JOIN {TABLES.nodes} AS n USING (unique_id)
        INNER JOIN {TABLES.nodes} AS first ON g.group_id = first.unique_id
        ORDER BY n.record_key
        """
    ).to_arrow_table()
