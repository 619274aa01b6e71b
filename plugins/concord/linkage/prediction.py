"""Link person records: standardise, score with Splink, guard, group."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from time import perf_counter

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import LinkageError
from concord.linkage.grouping import group_records, name_groups
from concord.linkage.nodes import RECORDS, TABLES, connection, prepare_nodes
from concord.linkage.pairs import (
    POSSIBLE,
    keep_together,
    links_among,
    possible_pairs,
)
from concord.linkage.rulings import NOTHING_RULED, Rulings, apply_rulings
from concord.linkage.scoring import Scored, judge, keep, score, weigh
from concord.linkage.settings import PersonModel
from concord.linkage.standardise import set_aside

CLUSTERS = pa.schema([("record_key", pa.string()), ("cluster_id", pa.string())])


@dataclass(frozen=True)
class LinkResult:
    """Which records are one person, and counts that say how it went."""

    clusters: pa.Table
    pairs: Mapping[str, int]
    largest_cluster: int
    seconds: Mapping[str, float]
    set_aside: Mapping[str, int] = field(default_factory=dict)
    possible: pa.Table = field(default_factory=POSSIBLE.empty_table)
    compared: int = 0
    scored: Scored | None = None


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
    kept: Scored | None = None,
    keep_scores: bool = False,
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
        kept: What an earlier run scored. Where it serves, only records that are new or
            changed since are scored; the result is the same.
        keep_scores: Return in ``scored`` what a later run can be given as ``kept``.

    Raises:
        LinkageError: ``GIANT_CLUSTER``, or ``LINKAGE_FAILED`` naming the part and the
            kind of error. Engine messages can hold values and are not passed on.
    """
    clock = _Clock()
    try:
        with connection(threads, memory_limit, scratch) as con:
            result = _link(con, records, model, night, clock, previous, rulings, kept)
            if keep_scores and records.num_rows:
                with clock("keep"):
                    result = replace(result, scored=keep(con, model))
            return result
    except LinkageError:
        raise
    except Exception as error:
        kind = type(error).__name__
    raise LinkageError(
        "LINKAGE_FAILED",
        f"{kind} in part {clock.part!r} with {records.num_rows} records",
        "Yesterday's persons stay in force; run linkage on a copy to see the cause",
    )


def _link(
    con: duckdb.DuckDBPyConnection,
    records: pa.Table,
    model: PersonModel,
    night: date | None,
    clock: _Clock,
    previous: pa.Table | None,
    rulings: Rulings,
    kept: Scored | None,
) -> LinkResult:
    """Run every part in one connection."""
    if records.num_rows == 0:
        return LinkResult(CLUSTERS.empty_table(), _counts([]), 0, {})
    count = records.num_rows
    if kept is not None and not kept.serves(model, count):
        kept = None
    with clock("standardise"):
        nodes = prepare_nodes(
            con, records, night, model.guard.rare_name_share, kept and kept.nodes
        )
        unknown = set_aside(con, RECORDS, nodes)
    with clock("predict"):
        compared = score(con, model, count, kept)
    with clock("guard"):
        judge(con, model, kept)
        weigh(con, model, count)
        keep_together(con, TABLES, previous, model.thresholds)
    with clock("cluster"):
        group = group_records(con, model, count)
        clusters = apply_rulings(
            name_groups(con, group),
            rulings,
            lambda keys: links_among(con, TABLES, keys, model.thresholds),
        )
        possible = possible_pairs(con, TABLES, model.thresholds)
    bands = con.execute(
        f"""
        SELECT
            CASE
                WHEN match_weight < $link_weight THEN 'review'
                WHEN refusal IS NULL THEN 'link'
                ELSE 'refused: ' || refusal
            END AS band,
            COUNT(*)
        FROM {TABLES.pairs} GROUP BY band ORDER BY band
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
        compared,
    )


def _largest(clusters: pa.Table) -> int:
    """Return how many records the largest cluster has."""
    return int(pc.max(pc.value_counts(clusters["cluster_id"]).field("counts")).as_py())


def _counts(bands: list[tuple[str, int]]) -> dict[str, int]:
    """Return pair counts by band; the two bands of the thresholds always stand."""
    return {"link": 0, "review": 0, **dict(bands)}
