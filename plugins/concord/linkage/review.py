"""The review queue: possible pairs, ordered by what a decision would change.

Between two persons one pair is asked, the likeliest: an answer settles the others. What
the model holds for one person already, and what was decided, is not asked.
"""

import duckdb
import pyarrow as pa

from concord.linkage.rulings import Rulings

QUEUE = pa.schema(
    [
        ("one", pa.string()),
        ("other", pa.string()),
        ("weight", pa.float64()),
        ("records_one", pa.int64()),
        ("records_other", pa.int64()),
        ("joins", pa.int64()),
    ]
)


def review_queue(
    possible: pa.Table, assignments: pa.Table, rulings: Rulings
) -> pa.Table:
    """Return the pairs that a person should look at, those that change most first.

    ``joins`` is the number of pairs of records that would become one person's.
    """
    parted = {
        "one": pa.array([one for one, _ in sorted(rulings.parted)], pa.string()),
        "other": pa.array([other for _, other in sorted(rulings.parted)], pa.string()),
    }
    with duckdb.connect(config={"temp_directory": ""}) as con:
        con.register("possible", possible)
        con.register("assigned", assignments.select(["record_key", "person_id"]))
        con.register("parted", pa.table(parted))
        return con.sql(_QUEUE).to_arrow_table().cast(QUEUE)


_QUEUE = """
WITH
sized AS (SELECT person_id, COUNT(*) AS records FROM assigned GROUP BY person_id),
decided AS (
    SELECT a.person_id AS one_person, b.person_id AS other_person
    FROM parted AS p
    INNER JOIN assigned AS a ON p.one = a.record_key
    INNER JOIN assigned AS b ON p.other = b.record_key
),
pair AS (
    SELECT p.*, a.person_id AS one_person, b.person_id AS other_person
    FROM possible AS p
    INNER JOIN assigned AS a ON p.one = a.record_key
    INNER JOIN assigned AS b ON p.other = b.record_key
    WHERE a.person_id <> b.person_id
),
likeliest AS (
    SELECT * FROM pair AS p
    WHERE
        NOT EXISTS (
            SELECT 1 FROM decided AS d
            WHERE
                LEAST(d.one_person, d.other_person)
                = LEAST(p.one_person, p.other_person)
                AND GREATEST(d.one_person, d.other_person)
                = GREATEST(p.one_person, p.other_person)
        )
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY
                LEAST(one_person, other_person), GREATEST(one_person, other_person)
            ORDER BY weight DESC, one, other
        ) = 1
)
SELECT
    l.one, l.other, l.weight,
    a.records AS records_one, b.records AS records_other,
    a.records * b.records AS joins
FROM likeliest AS l
INNER JOIN sized AS a ON l.one_person = a.person_id
INNER JOIN sized AS b ON l.other_person = b.person_id
ORDER BY joins DESC, weight DESC, one, other
"""
