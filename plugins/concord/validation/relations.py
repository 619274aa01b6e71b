"""Small tables of ours lent to the connection in which a delivery is checked."""

import duckdb
import pyarrow as pa

from concord.contracts.models import CodeList, Table

CODES = pa.schema([("code", pa.string()), ("value", pa.string())])


def load_relation(
    con: duckdb.DuckDBPyConnection, relation: str, table: pa.Table
) -> None:
    """Make a temporary table of the connection's own from an Arrow table."""
    con.register("_loading", table)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS FROM _loading")
    con.unregister("_loading")


def load_codes(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Load the code lists that change a value; returns column → relation."""
    return {
        column.name: _load_codelist(con, column.codelist)
        for column in table.columns
        if column.codelist is not None and column.concept.zone != "discard"
    }


def _load_codelist(con: duckdb.DuckDBPyConnection, codelist: CodeList) -> str:
    relation = f"codes_{codelist.name}"
    values = [value or None for value in codelist.codes.values()]
    codes = pa.table({"code": list(codelist.codes), "value": values}, schema=CODES)
    load_relation(con, relation, codes)
    return relation
