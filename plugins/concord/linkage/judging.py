"""Where linkage was right and wrong: overall, by pair of agencies, by group of people.

Everything is counted from how many records a found group and a true person share, so a
million records need no list of pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from concord.linkage.clustering import connect
from concord.linkage.evaluation import Agreement
from concord.linkage.intervals import Ints, Measured, measure

NOT_RECORDED = "not recorded"
OTHERS = "others"
# A group of fewer persons is counted with the others: it could tell of somebody.
FEWEST = 30
# Wide ages of the field: children, young adults, adults, elders.
_AGE_BAND = """
CASE
    WHEN age < 18 THEN 'under 18' WHEN age < 35 THEN '18-34'
    WHEN age < 65 THEN '35-64' WHEN age IS NOT NULL THEN '65 and over'
END
"""


@dataclass(frozen=True)
class BetweenAgencies:
    """The pairs of records of two agencies, or within one."""

    one: str
    other: str
    pairs: Agreement


@dataclass(frozen=True)
class OfGroup:
    """The links of the records of people who share a trait, each seen from them."""

    trait: str
    value: str
    persons: int
    links: Measured


def overall(con: duckdb.DuckDBPyConnection, seed: int) -> tuple[Measured, Measured]:
    """Measure pairs, and groups of two or more records that are exactly one person.

    What is drawn again for the intervals is a person together with everybody whose
    records were mixed up with theirs.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE knot_cell AS
        WITH one AS (
            SELECT found, ROW_NUMBER() OVER () - 1 AS found_node
            FROM (SELECT DISTINCT found FROM cell)
        ),
        other AS (
            SELECT person, (SELECT COUNT(*) FROM one) + ROW_NUMBER() OVER () - 1
                AS person_node
            FROM (SELECT DISTINCT person FROM cell)
        )
        SELECT
            found_node, person_node,
            n * (true_size - 1) AS true_ends,
            n * (found_size - 1) AS found_ends,
            n * (n - 1) AS correct_ends,
            -- Of a person's cells, or a group's, one is the first.
            (true_size > 1 AND ROW_NUMBER() OVER (PARTITION BY person) = 1)::BIGINT
                AS true_group,
            (found_size > 1 AND ROW_NUMBER() OVER (PARTITION BY found) = 1)::BIGINT
                AS found_group,
            (n > 1 AND n = true_size AND n = found_size)::BIGINT AS correct_group
        FROM cell INNER JOIN one USING (found) INNER JOIN other USING (person)
        """
    )
    cells = con.sql("SELECT * FROM knot_cell").fetchnumpy()
    left, right = (cells[n].astype(np.int64) for n in ("found_node", "person_node"))
    nodes = int(max(left.max(initial=-1), right.max(initial=-1))) + 1
    knot = connect(nodes, left, right)[left]
    kinds = ("true", "found", "correct")
    ends = _per_knot(knot, [cells[f"{kind}_ends"] for kind in kinds]) // 2
    groups = _per_knot(knot, [cells[f"{kind}_group"] for kind in kinds])
    return _measured(ends, seed), _measured(groups, seed)


def _per_knot(knot: Ints, columns: Sequence[Ints]) -> Ints:
    """Add up columns over each knot; one row a knot."""
    _, place = np.unique(knot, return_inverse=True)
    sums = [np.bincount(place, weights=column) for column in columns]
    return np.column_stack(sums).round().astype(np.int64)


def _measured(rows: Ints, seed: int) -> Measured:
    """Measure after putting knots that count alike together."""
    profiles, times = np.unique(rows, axis=0, return_counts=True)
    return measure(profiles, times, seed)


def between_agencies(
    con: duckdb.DuckDBPyConnection, records: pa.Table
) -> tuple[BetweenAgencies, ...]:
    """Count pairs by the two agencies that their records come from."""
    con.register("records", records.select(["record_key", "feed"]))
    rows = con.execute(
        f"""
        WITH cell_of_feed AS (
            SELECT found, person, feed, COUNT(*) AS n
            FROM judged INNER JOIN records USING (record_key) GROUP BY ALL
        )
        SELECT one, other, SUM(in_truth), SUM(in_found), SUM(in_both)
        FROM (
            SELECT one, other, pairs AS in_truth, 0 AS in_found, 0 AS in_both
            FROM ({_pairs_within("person")})
            UNION ALL
            SELECT one, other, 0, pairs, 0 FROM ({_pairs_within("found")})
            UNION ALL
            SELECT one, other, 0, 0, pairs FROM ({_pairs_within("person, found")})
        )
        GROUP BY one, other
        HAVING SUM(in_truth) + SUM(in_found) > 0
        ORDER BY one, other
        """
    ).fetchall()
    return tuple(
        BetweenAgencies(one, other, Agreement(*map(int, counts)))
        for one, other, *counts in rows
    )


def _pairs_within(key: str) -> str:
    """Return SQL that counts pairs of records of one key, by their two feeds."""
    sizes = f"SELECT {key}, feed, SUM(n) AS n FROM cell_of_feed GROUP BY ALL"
    return f"""
        SELECT
            l.feed AS one,
            r.feed AS other,
            SUM(CASE WHEN l.feed = r.feed THEN l.n * (l.n - 1) // 2 ELSE l.n * r.n END)
                AS pairs
        FROM ({sizes}) AS l
        INNER JOIN ({sizes}) AS r USING ({key})
        WHERE l.feed <= r.feed
        GROUP BY ALL
    """


def recorded_traits(records: pa.Table, truth: pa.Table, night: date | None) -> pa.Table:
    """Return each person's race, sex and age band as most of their records say it."""
    with duckdb.connect() as con:
        columns = ("record_key", "sex", "race", "birth_date")
        con.register("records", records.select(list(columns)))
        con.register("truth", truth)
        return con.sql(
            f"""
            SELECT person, MODE(race ORDER BY race) AS race,
                MODE(sex ORDER BY sex) AS sex,
                MODE({_AGE_BAND} ORDER BY {_AGE_BAND}) AS "age band"
            FROM (
                SELECT *, DATE_SUB('year', birth_date, $night::DATE) AS age
                FROM records INNER JOIN truth USING (record_key)
            )
            GROUP BY person ORDER BY person
            """,
            params={"night": night},
        ).to_arrow_table()


def by_group(
    con: duckdb.DuckDBPyConnection, traits: pa.Table, seed: int
) -> tuple[OfGroup, ...]:
    """Measure the links of each group of people.

    Args:
        con: A database with ``cell``.
        traits: ``person`` and one column a trait.
        seed: Makes the intervals repeatable.
    """
    if len(traits.column_names) < 2:
        return ()
    con.register("traits", traits)
    rows = con.execute(
        """
        WITH known AS (
            FROM traits UNPIVOT INCLUDE NULLS (
                said FOR trait IN (COLUMNS(* EXCLUDE (person)))
            )
        ),
        of_person AS (
            SELECT
                person,
                SUM(n * (true_size - 1)) AS true_ends,
                SUM(n * (found_size - 1)) AS found_ends,
                SUM(n * (n - 1)) AS correct_ends
            FROM cell GROUP BY person
        )
        SELECT
            trait, COALESCE(said, $unknown) AS said,
            true_ends, found_ends, correct_ends, COUNT(*)
        FROM of_person INNER JOIN known USING (person)
        GROUP BY ALL ORDER BY ALL
        """,
        {"unknown": NOT_RECORDED},
    ).fetchall()
    groups: dict[tuple[str, str], list[list[int]]] = {}
    for trait, value, *numbers in rows:
        groups.setdefault((trait, value), []).append(list(map(int, numbers)))
    kept: dict[tuple[str, str], list[list[int]]] = {}
    for (trait, value), counted in groups.items():
        few = sum(numbers[-1] for numbers in counted) < FEWEST
        kept.setdefault((trait, OTHERS if few else value), []).extend(counted)
    return tuple(
        _of_group(trait, value, np.array(counted, np.int64), seed)
        for (trait, value), counted in sorted(kept.items())
    )


def _of_group(trait: str, value: str, counted: Ints, seed: int) -> OfGroup:
    """Measure one group from its kinds of persons."""
    times = counted[:, 3]
    return OfGroup(trait, value, int(times.sum()), measure(counted[:, :3], times, seed))
