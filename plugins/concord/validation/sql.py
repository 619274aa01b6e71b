"""Running SQL without letting a cell's value into an error.

DuckDB quotes values in its messages about data. Messages about SQL itself name only
tables, columns and the suite's own text, so those are shown.
"""

from typing import TYPE_CHECKING

import duckdb

from concord.exceptions import DataError, SuiteError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_ABOUT_SQL = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)


def relation_of(con: "DuckDBPyConnection", query: str) -> "DuckDBPyRelation":
    """Bind a query without running it."""
    con.complete()  # a result that was not read to its end would refuse the next query
    try:
        return con.sql(query)
    except _ABOUT_SQL as error:
        problem = str(error)
    raise SuiteError(f"the suite does not fit the table: {problem}")


def arrow_of(con: "DuckDBPyConnection", query: str, name: str) -> "pa.Table":
    """Run a query; `name` says whose data it reads, should it fail on a value."""
    try:
        return relation_of(con, query).to_arrow_table()
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        kind = type(error).__name__
    # Raised outside the handler: the original, which quotes the value, must not hang
    # on to this one as its context.
    raise DataError(
        "validation-unreadable",
        feed=name,
        detail=f"the table could not be scanned ({kind})",
        remedy="Check the typed table that parsing wrote, and the suite's own queries",
    )
