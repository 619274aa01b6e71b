"""Which person records could stand in some tables at all.

Looking for every identifier of a county in every cell of a release takes minutes; most
cells are tokens, which are not looked at, and the rest are a few hundred distinct
codes. A record of which not even a name or number, taken to letters and digits, occurs
among the runs of words of those cells can't be in them. What is left over is looked for
exactly, by the scan.
"""

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from concord.disclosure.artefacts import Texts
from concord.disclosure.forms import WRITTEN
from concord.duck import fetch, one

LONGEST_RUN = 12
NAMES = ("first_name", "middle_name", "last_name")
NUMBERS = ("ssn", "phone")
SHORTEST_NUMBER = 9
LOOKED_AT = ("record_key", *NAMES, *NUMBERS, *WRITTEN)
"""Columns of a person record that the scan needs."""
NAME_ORDERS = (
    ("first_name", "last_name"),
    ("last_name", "first_name"),
    ("first_name", "middle_name", "last_name"),
    ("last_name", "first_name", "middle_name"),
    ("first_name", "left(middle_name, 1)", "last_name"),
    ("last_name", "first_name", "left(middle_name, 1)"),
)


def narrowed(
    con: duckdb.DuckDBPyConnection, texts: Texts, persons: Iterable[pa.Table]
) -> list[pa.Table]:
    """Return the person records that could stand in the tables' texts.

    Args:
        con: Connection that holds the tables' texts.
        texts: The gathered texts of the tables that are to be released.
        persons: Vault person tables.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE _runs AS {_runs(texts)}")
    try:
        longest = one(con, "SELECT max(length(run)) FROM _runs WHERE run ~ '[0-9]+'")[0]
        numbers = NUMBERS if (longest or 0) >= SHORTEST_NUMBER else ()
        return [_standing_in(con, table, numbers) for table in persons]
    finally:
        con.execute("DROP TABLE _runs")


def _runs(texts: Texts) -> str:
    """Return the query of every run of words in the tables' texts, joined."""
    cells = " UNION ".join(f"FROM {relation}" for relation in texts.values())
    return (
        "SELECT DISTINCT array_to_string(words[first:last], '') AS run FROM ("
        "SELECT words, first, unnest(range(first, "
        f"least(len(words), first + {LONGEST_RUN - 1}) + 1)) AS last FROM ("
        "SELECT words, unnest(range(1, len(words) + 1)) AS first FROM ("
        "SELECT regexp_extract_all(lower(strip_accents(text)), '[0-9a-z]+') AS words "
        f"FROM ({cells or 'SELECT NULL::VARCHAR AS text'}))))"
    )


def _standing_in(
    con: duckdb.DuckDBPyConnection, persons: pa.Table, numbers: Sequence[str]
) -> pa.Table:
    """Return the records of which a name or a number is among the runs.

    A name that is written in one word begins with the first or the last name, so the
    orders are tried only where a run does.
    """
    con.register("_persons_in_question", persons)
    # A record that was kept before a column came to be doesn't have it.
    written = [name for name in WRITTEN if name in persons.column_names]
    joined = ", ".join(
        f"{_joined(name)} AS {name}" for name in (*NAMES, *numbers, *written)
    )
    orders = " OR ".join(
        f"concat({', '.join(order)}) IN (FROM _runs)" for order in NAME_ORDERS
    )
    found = " OR ".join(
        [
            "(last_name IN (FROM _runs) AND first_name IN (FROM _runs))",
            "((last_name IN (FROM _beginnings) OR first_name IN (FROM _beginnings)) "
            f"AND ({orders}))",
            # A telephone number may stand with or without the country's 1 before it.
            *(
                f"right({column}, 10) IN (SELECT right(run, 10) FROM _runs)"
                for column in numbers
            ),
            *(f"{column} IN (FROM _runs)" for column in written),
        ]
    )
    try:
        return fetch(
            con,
            "WITH _beginnings AS (SELECT DISTINCT left(run, length) AS beginning "
            "FROM _runs, unnest(range(2, length(run) + 1)) AS _(length)), "
            f"_joined AS (SELECT record_key, {joined} FROM _persons_in_question) "
            "FROM _persons_in_question SEMI JOIN "
            f"(FROM _joined WHERE {found}) USING (record_key)",
        )
    finally:
        con.unregister("_persons_in_question")


def _joined(column: str) -> str:
    """Return SQL that keeps a column's letters and digits only."""
    return f"regexp_replace(lower(strip_accents({column})), '[^0-9a-z]', '', 'g')"
