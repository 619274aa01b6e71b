"""Served files into DuckDB as plain SQL: DuckDB's readers, each the fastest for it."""

from collections.abc import Sequence

from concord.contracts.models import Column, Contract, Table
from concord.parsing.casting import SQL_TYPES

LARGEST_PAGE = 1 << 26


def read_sql(contract: Contract, table: Table, paths: Sequence[str]) -> str:
    """Return the query of a table's typed rows."""
    columns = ", ".join(
        f'{_typed(column)} AS "{column.name}"' for column in table.columns
    )
    if contract.delivery.format == "csv":
        source = f"read_csv({list(paths)}, header = true, all_varchar = true)"
        picked = ", ".join(f'"{c.source}" AS "{c.name}"' for c in table.columns)
    else:
        fields = [f"$.{column.source}" for column in table.columns]
        source = (
            f"(SELECT json_extract_string(row, {fields}) AS fields "
            f"FROM ({_objects(contract, table, paths)}))"
        )
        picked = ", ".join(
            f'fields[{place}] AS "{column.name}"'
            for place, column in enumerate(table.columns, 1)
        )
    return f"SELECT {columns} FROM (SELECT {picked} FROM {source})"


def _typed(column: Column) -> str:
    """Return a column's value; a text that is not of its type becomes NULL."""
    text = f'"{column.name}"'
    if column.type == "string":
        text = f"nullif({text}, '')"
        for prefix in column.strip_prefix:
            text = f"substr({text}, {len(prefix) + 1})"
        return text
    if "ISO8601" in column.formats and column.type == "timestamp":
        return f"TRY_CAST({text} AS TIMESTAMPTZ)::TIMESTAMP"
    if column.type == "date" and column.formats == ("%Y%m%d",):
        return f"try_strptime({text}, '%Y%m%d')::DATE"
    return f"TRY_CAST({text} AS {SQL_TYPES[column.type]})"


def _objects(contract: Contract, table: Table, paths: Sequence[str]) -> str:
    """Return the query of a table's JSON objects."""
    if contract.delivery.format == "ndjson":
        return f"SELECT json AS row FROM read_ndjson_objects({list(paths)})"
    options = f"maximum_object_size = {LARGEST_PAGE}"
    if table.records == "$[*]":
        return (
            f"SELECT json AS row FROM read_json_objects({list(paths)}, "
            f"format = 'array', {options})"
        )
    return (
        f"SELECT unnest(json_extract(json, '{table.records}')) AS row "
        f"FROM read_json_objects({list(paths)}, format = 'unstructured', {options})"
    )
