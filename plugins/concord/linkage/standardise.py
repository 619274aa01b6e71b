"""Make person records comparable, so that unknown values never look alike."""

import unicodedata
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb.func import ARROW

from concord.duck import one, quoted
from concord.settings import PROJECT

LINKAGE = PROJECT / "include" / "linkage"
STANDARDISED = "person_standardised"
COMPARED = {
    "first_name": "first_name",
    "last_name": "last_name",
    "birth_date": "dob",
    "ssn": "ssn",
    "state_id": "state_id",
    "phone": "phone",
    "email": "email",
}


def standardise(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    night: date | None = None,
    folder: Path = LINKAGE,
) -> str:
    """Write the standardised form of a relation of person records to a new table.

    Args:
        con: The connection that holds the relation and receives the table.
        relation: A table or view with the vault's person record columns.
        night: The night of the records; a birth date after it is unknown.
        folder: Where ``standardise.sql`` and ``nicknames.csv`` lie.

    Returns:
        The name of the new table.
    """
    _add_nfkc(con)
    con.execute(f"CREATE OR REPLACE TEMP VIEW person_record AS FROM {quoted(relation)}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE nickname AS "
        "SELECT name, LIST(canonical ORDER BY canonical) AS canonicals "
        "FROM read_csv(?, header = true, comment = '#') GROUP BY name",
        [str(folder / "nicknames.csv")],
    )
    query = (folder / "standardise.sql").read_text(encoding="utf-8")
    con.execute(f"CREATE OR REPLACE TABLE {STANDARDISED} AS\n{query}", {"night": night})
    con.execute("DROP VIEW person_record")
    return STANDARDISED


def set_aside(
    con: duckdb.DuckDBPyConnection, relation: str, standardised: str
) -> dict[str, int]:
    """Count values that stand for no value, such as UNKNOWN or 01/01/1900.

    They are unknown to linkage: no two records are compared, or even looked at
    together, because of them. The vault keeps them as they were written.
    """
    counted = ", ".join(
        f"count(*) FILTER (WHERE nullif(trim(raw.{name}::VARCHAR), '') IS NOT NULL "
        f"AND clean.{used} IS NULL)"
        for name, used in COMPARED.items()
    )
    query = (
        f"SELECT {counted} FROM {quoted(relation)} AS raw "
        f"JOIN {quoted(standardised)} AS clean USING (record_key)"
    )
    return dict(zip(COMPARED, one(con, query), strict=True))


def _add_nfkc(con: duckdb.DuckDBPyConnection) -> None:
    """Add the Unicode form that DuckDB lacks to the connection, once."""
    known = con.execute(
        "SELECT COUNT(*) FROM duckdb_functions() WHERE function_name = 'nfkc'"
    ).fetchall()
    if known == [(0,)]:
        con.create_function("nfkc", _nfkc, ["VARCHAR"], "VARCHAR", type=ARROW)


def _nfkc(values: pa.ChunkedArray) -> pa.Array:
    """Return values in Unicode normal form KC."""
    return pa.array(
        [
            None if value is None else unicodedata.normalize("NFKC", value)
            for value in values.to_pylist()
        ],
        pa.string(),
    )
