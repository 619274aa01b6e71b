"""Small tables of ours lent to the connection in which a delivery is checked."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from concord.contracts.models import CodeList, Table
from concord.duck import quoted

CODES = pa.schema([("code", pa.string()), ("value", pa.string())])


def load_relation(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    rows: pa.Table | pa.RecordBatchReader,
    columns: Sequence[str] | None = None,
) -> None:
    """Make a temporary table of the connection's own from Arrow rows, or a part."""
    picked = ", ".join(map(quoted, columns)) if columns else "*"
    con.register("_loading", rows)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT {picked} FROM _loading"
    )
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
