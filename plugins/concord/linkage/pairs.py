"""What is asked of scored pairs beside which of them are links.

Two thresholds keep a person from flickering: strangers are joined at ``link_weight``,
but who was one person last night is parted only below ``split_weight``.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from concord.linkage.guard import Tables
from concord.linkage.rulings import KeyLink
from concord.linkage.settings import Thresholds

POSSIBLE = pa.schema(
    [("one", pa.string()), ("other", pa.string()), ("weight", pa.float64())]
)


def keep_together(
    con: duckdb.DuckDBPyConnection,
    tables: Tables,
    previous: pa.Table | None,
    thresholds: Thresholds,
) -> None:
    """Make links of pairs that were one person last night and still are alike enough.

    A pair that the guard refuses is not kept, whatever it was last night.
    """
    if previous is None:
        return
    con.register("last_night", previous.select(["record_key", "person_id"]))
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {tables.pairs} AS
        SELECT
            p.* REPLACE (
                CASE
                    WHEN
                        refusal IS NULL
                        AND match_weight >= $split
                        AND a.person_id = b.person_id
                        THEN GREATEST(match_weight, $link)
                    ELSE match_weight
                END AS match_weight
            )
        FROM {tables.pairs} AS p
        INNER JOIN {tables.nodes} AS l ON p.unique_id_l = l.unique_id
        INNER JOIN {tables.nodes} AS r ON p.unique_id_r = r.unique_id
        LEFT JOIN last_night AS a ON l.record_key = a.record_key
        LEFT JOIN last_night AS b ON r.record_key = b.record_key
        """,
        {"split": thresholds.split_weight, "link": thresholds.link_weight},
    )
    con.unregister("last_night")


def links_among(
    con: duckdb.DuckDBPyConnection,
    tables: Tables,
    keys: Sequence[str],
    thresholds: Thresholds,
) -> list[KeyLink]:
    """Return the links among the records named: weight and both record keys."""
    con.register("named", pa.table({"record_key": pa.array(keys, pa.string())}))
    found = con.execute(
        f"""
        SELECT p.match_weight, l.record_key, r.record_key
        FROM {tables.pairs} AS p
        INNER JOIN {tables.nodes} AS l ON p.unique_id_l = l.unique_id
        INNER JOIN {tables.nodes} AS r ON p.unique_id_r = r.unique_id
        WHERE
            p.match_weight >= $link AND p.refusal IS NULL
            AND l.record_key IN (SELECT record_key FROM named)
            AND r.record_key IN (SELECT record_key FROM named)
        ORDER BY ALL
        """,
        {"link": thresholds.link_weight},
    ).fetchall()
    con.unregister("named")
    return found


def possible_pairs(
    con: duckdb.DuckDBPyConnection, tables: Tables, thresholds: Thresholds
) -> pa.Table:
    """Return the pairs that are neither sure nor out of the question."""
    return (
        con.sql(
            f"""
            SELECT
                LEAST(l.record_key, r.record_key) AS one,
                GREATEST(l.record_key, r.record_key) AS other,
                p.match_weight AS weight
            FROM {tables.pairs} AS p
            INNER JOIN {tables.nodes} AS l ON p.unique_id_l = l.unique_id
            INNER JOIN {tables.nodes} AS r ON p.unique_id_r = r.unique_id
            WHERE p.match_weight < $link AND p.refusal IS NULL
            ORDER BY one, other
            """,
            params={"link": thresholds.link_weight},
        )
        .to_arrow_table()
        .cast(POSSIBLE)
    )
