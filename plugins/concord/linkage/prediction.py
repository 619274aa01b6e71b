"""Link person records: standardise, score with Splink, guard, group."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import LinkageError
from concord.linkage.blocking import fruitful
from concord.linkage.clustering import (
    Ints,
    connect,
    cut_contradictions,
    limit_size,
)
from concord.linkage.guard import Tables, refuse_pairs, refused_within_groups
from concord.linkage.pairs import (
    POSSIBLE,
    keep_together,
    links_among,
    possible_pairs,
)
from concord.linkage.rulings import NOTHING_RULED, Rulings, apply_rulings
from concord.linkage.settings import UNIQUE_ID, PersonModel
from concord.linkage.standardise import set_aside, standardise
from concord.spilling import spill_into

CLUSTERS = pa.schema([("record_key", pa.string()), ("cluster_id", pa.string())])
_TABLES = Tables()
RECORDS = "person_records_in"
BLOCKING = "blocking_rules_to_generate_predictions"


@dataclass(frozen=True)
class LinkResult:
    """Which records are one person, and counts that say how it went."""

    clusters: pa.Table
    pairs: Mapping[str, int]
    largest_cluster: int
    seconds: Mapping[str, float]
    set_aside: Mapping[str, int] = field(default_factory=dict)
    possible: pa.Table = field(default_factory=POSSIBLE.empty_table)


class _Clock:
    """Measures the named parts of a run and knows which one is running."""

    def __init__(self) -> None:
        self.part = "open"
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Time one part."""
        self.part, start = part, perf_counter()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - start


def link(
    records: pa.Table,
    model: PersonModel,
    *,
    night: date | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    scratch: Path | None = None,
    previous: pa.Table | None = None,
    rulings: Rulings = NOTHING_RULED,
) -> LinkResult:
    """Group person records into persons with the trained model.

    The same records give the same clusters in any order and on any number of threads.
    A cluster's id is the smallest record key in it.

    Args:
        records: Person records in the vault's schema, one row per record key.
        model: The trained model.
        night: The night of the records; a birth date after it counts as unknown.
        threads: Threads for DuckDB; None leaves it to DuckDB.
        memory_limit: Memory for DuckDB, e.g. ``4GB``.
        scratch: A folder of the restricted zone that DuckDB may spill to, encrypted;
            None means that nothing is ever written to disk.
        previous: ``record_key`` and ``person_id`` of the night before: who was one
            person then is parted only below the lower threshold.
        rulings: What people decided; it wins over the model.

    Raises:
        LinkageError: ``GIANT_CLUSTER``, or ``LINKAGE_FAILED`` naming the part and the
            kind of error. Engine messages can hold values and are not passed on.
    """
    clock = _Clock()
    try:
        with connection(threads, memory_limit, scratch) as con:
            return _link(con, records, model, night, clock, previous, rulings)
    except LinkageError:
        raise
    except Exception as error:
        kind = type(error).__name__
    raise LinkageError(
        "LINKAGE_FAILED",
        f"{kind} in part {clock.part!r} with {records.num_rows} records",
        "Yesterday's persons stay in force; run linkage on a copy to see the cause",
    )


@contextmanager
def connection(
    threads: int | None, memory_limit: str | None, scratch: Path | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that spills nowhere but, sealed, to ``scratch``."""
    config: dict[str, Any] = {
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads:
        config["threads"] = threads
    if memory_limit:
        config["memory_limit"] = memory_limit
    con = duckdb.connect(":memory:", config=config)
    try:
        if scratch:
            spill_into(con, scratch)
        yield con
    finally:
        con.close()


def _link(
    con: duckdb.DuckDBPyConnection,
    records: pa.Table,
    model: PersonModel,
    night: date | None,
    clock: _Clock,
    previous: pa.Table | None,
    rulings: Rulings,
) -> LinkResult:
    """Run every part in one connection."""
    if records.num_rows == 0:
        return LinkResult(CLUSTERS.empty_table(), _counts([]), 0, {})
    with clock("standardise"):
        nodes = prepare_nodes(con, records, night, model.guard.rare_name_share)
        unknown = set_aside(con, RECORDS, nodes)
    with clock("predict"):
        _score(con, model, records.num_rows)
    with clock("guard"):
        refuse_pairs(con, model.guard, _TABLES)
        keep_together(con, _TABLES, previous, model.thresholds)
    with clock("cluster"):
        group = _group(con, model, records.num_rows)
        clusters = apply_rulings(
            _clusters(con, group),
            rulings,
            lambda keys: links_among(con, _TABLES, keys, model.thresholds),
        )
        possible = possible_pairs(con, _TABLES, model.thresholds)
    bands = con.execute(
        f"""
        SELECT
            CASE
                WHEN match_weight < $link_weight THEN 'review'
                WHEN refusal IS NULL THEN 'link'
                ELSE 'refused: ' || refusal
            END AS band,
            COUNT(*)
        FROM {_TABLES.pairs} GROUP BY band ORDER BY band
        """,
        {"link_weight": model.thresholds.link_weight},
    ).fetchall()
    return LinkResult(
        clusters,
        _counts(bands),
        _largest(clusters),
        clock.seconds,
        unknown,
        possible,
    )


def _largest(clusters: pa.Table) -> int:
    """Return how many records the largest cluster has."""
    return int(pc.max(pc.value_counts(clusters["cluster_id"]).field("counts")).as_py())


def _counts(bands: list[tuple[str, int]]) -> dict[str, int]:
    """Return pair counts by band; the two bands of the thresholds always stand."""
    return {"link": 0, "review": 0, **dict(bands)}


def prepare_nodes(
    con: duckdb.DuckDBPyConnection,
    records: pa.Table,
    night: date | None,
    rare_share: float,
) -> str:
    """Standardise records and number them by record key; return the node table."""
    con.register(RECORDS, records)
    standardised = standardise(con, RECORDS, night=night)
    con.execute(
        f"""
        CREATE TABLE {_TABLES.nodes} AS
        WITH numbered AS (
            SELECT
                record_key,
                CAST(ROW_NUMBER() OVER (ORDER BY record_key) - 1 AS INTEGER)
                    AS {UNIQUE_ID}
            FROM {standardised}
        ),
        bearers AS (
            SELECT first_name, COUNT(*) <= GREATEST(3, $rare) AS first_rare
            FROM {standardised} WHERE first_name IS NOT NULL GROUP BY first_name
        )
        SELECT numbered.{UNIQUE_ID}, s.*, COALESCE(first_rare, false) AS first_rare
        FROM {standardised} AS s
        INNER JOIN numbered USING (record_key)
        LEFT JOIN bearers USING (first_name)
        """,
        {"rare": rare_share * records.num_rows},
    )
    con.execute(f"DROP TABLE {standardised}")
    return _TABLES.nodes


def open_linker(con: duckdb.DuckDBPyConnection, settings: Mapping[str, Any]) -> Any:
    """Return a silent Splink linker over the node table, with name frequencies.

    A full name's frequency is the product of its parts': counting whole names would
    call every rare name in a small town common.
    """
    from splink import DuckDBAPI, Linker

    con.execute(
        f"""
        CREATE OR REPLACE TABLE name_frequency AS
        WITH first AS (
            SELECT first_name, COUNT(*) / SUM(COUNT(*)) OVER () AS share
            FROM {_TABLES.nodes} WHERE first_name IS NOT NULL GROUP BY first_name
        ),
        last AS (
            SELECT last_name, COUNT(*) / SUM(COUNT(*)) OVER () AS share
            FROM {_TABLES.nodes} WHERE last_name IS NOT NULL GROUP BY last_name
        )
        SELECT DISTINCT full_name, first.share * last.share AS tf_full_name
        FROM {_TABLES.nodes}
        INNER JOIN first USING (first_name)
        INNER JOIN last USING (last_name)
        """
    )
    api = DuckDBAPI(con)
    linker = Linker(
        api.register(_TABLES.nodes, table_name="person"),
        dict(settings),
        log_level=logging.CRITICAL,
        validate_settings=False,
    )
    linker.table_management.register_term_frequency_lookup(
        api.register("name_frequency"), "full_name"
    )
    return linker


def _score(con: duckdb.DuckDBPyConnection, model: PersonModel, count: int) -> None:
    """Score the blocked pairs; keep those worth a link or a review."""
    settings = model.for_records(count)
    rules = fruitful(con, _TABLES.nodes, settings[BLOCKING])
    linker = open_linker(con, {**settings, BLOCKING: rules or settings[BLOCKING]})
    scored = linker.inference.predict(
        threshold_match_weight=model.thresholds.review_weight, warning_mode="never"
    )
    con.execute(
        f"CREATE TABLE {_TABLES.pairs} AS "
        f"SELECT unique_id_l, unique_id_r, match_weight FROM {scored.physical_name}"
    )


def _group(con: duckdb.DuckDBPyConnection, model: PersonModel, count: int) -> Ints:
    """Return the group of every node: connected links, cut where they contradict."""
    found = con.execute(
        f"""
        SELECT match_weight, unique_id_l, unique_id_r FROM {_TABLES.pairs}
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
    refused = refused_within_groups(con, model.guard, _TABLES)
    contradictory = np.isin(group, [item[0] for item in refused])
    inside = contradictory[left]
    links = zip(
        weight[inside].tolist(),
        left[inside].tolist(),
        right[inside].tolist(),
        strict=True,
    )
    home = cut_contradictions(links, ((one, other) for _, one, other in refused))
    group[list(home)] = list(home.values())
    return group


def _register_groups(con: duckdb.DuckDBPyConnection, group: Ints) -> None:
    """Write the groups of more than two nodes, where a chain can contradict."""
    sizes = np.bincount(group, minlength=len(group))[group]
    nodes = np.flatnonzero(sizes > 2)
    con.register(
        "grouped_nodes", pa.table({"unique_id": nodes, "group_id": group[nodes]})
    )
    con.execute(f"CREATE TABLE {_TABLES.groups} AS FROM grouped_nodes")


def _clusters(con: duckdb.DuckDBPyConnection, group: Ints) -> pa.Table:
    """Return record keys with the smallest record key of their group."""
    con.register(
        "grouped", pa.table({"unique_id": np.arange(len(group)), "group_id": group})
    )
    return con.sql(
        f"""
        SELECT n.record_key, first.record_key AS cluster_id
        FROM grouped AS g
        INNER JOIN {_TABLES.nodes} AS n USING (unique_id)
        INNER JOIN {_TABLES.nodes} AS first ON g.group_id = first.unique_id
        ORDER BY n.record_key
        """
    ).to_arrow_table()
