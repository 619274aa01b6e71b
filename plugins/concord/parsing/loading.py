"""Landed files into one typed DuckDB table per contract table.

Every row of the files ends in the typed table or among the rejected, and is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, literal, one, quoted
from concord.exceptions import DeliveryHeld
from concord.parsing.casting import Casting, castings
from concord.parsing.preflight import check_delimited

MAX_OBJECT = 64 << 20
WHOLE_ARRAY = "$[*]"  # DuckDB's reader takes such a document apart by itself


@dataclass(frozen=True)
class TypeFaults:
    """How many values of one column were not of its type."""

    column: str
    required: bool
    present: int
    faults: int


@dataclass(frozen=True)
class Loaded:
    """A typed table in DuckDB: its columns, ``_row`` and ``_rejected``."""

    relation: str
    received: int
    unreadable: int
    rejected: int
    types: tuple[TypeFaults, ...]


def load(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> Loaded:
    """Read a table's files, type every column, and mark rows that have no valid form.

    The files are read once: texts are typed while they stream into the table.

    Raises:
        DeliveryHeld: A file as a whole can't be read safely.
    """
    relation = f"typed_{table.name}"
    raw = _raw_rows(contract, table, files)
    types = castings(table)
    faults = {c.column.name: f"_fault_{i}" for i, c in enumerate(types)}
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {relation} AS {_typed(raw.query, types)}"
        )
    except duckdb.InvalidInputException:
        raise _unreadable(con, contract, table, files) from None
    counted = _count_faults(con, relation, types, faults)
    for name in faults.values():
        con.execute(f"ALTER TABLE {relation} DROP COLUMN {name}")
    cut = sum(count(con, f"(SELECT DISTINCT line FROM {e})") for e in raw.errors)
    rows = count(con, relation)
    rejected = count(con, f"(FROM {relation} WHERE _rejected)")
    return Loaded(relation, rows + cut, cut, rejected, counted)


@dataclass(frozen=True)
class _Raw:
    """A query of a table's raw texts, and the tables that list unreadable lines."""

    query: str
    errors: tuple[str, ...] = ()


def _typed(raw: str, types: Sequence[Casting]) -> str:
    columns = [f"{c.typed} AS {quoted(c.column.name)}" for c in types]
    faults = [f"{c.fault} AS _fault_{i}" for i, c in enumerate(types)]
    required = [
        f"_fault_{i}"
        for i, c in enumerate(types)
        if c.column.required or c.column.tells_deletion
    ]
    rejected = " OR ".join(["_unreadable", *required])
    return (
        f"SELECT * EXCLUDE (_unreadable), row_number() OVER () AS _row, "
        f"({rejected}) AS _rejected "
        f"FROM (SELECT {', '.join(columns + faults)}, _unreadable FROM ({raw}))"
    )


def _count_faults(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    types: Sequence[Casting],
    faults: dict[str, str],
) -> tuple[TypeFaults, ...]:
    parts = [
        f"count({quoted(c.column.name)}), count_if({faults[c.column.name]})"
        for c in types
    ]
    row = one(con, f"SELECT {', '.join(parts)} FROM {relation}")
    return tuple(
        TypeFaults(c.column.name, c.column.required, row[2 * i], row[2 * i + 1])
        for i, c in enumerate(types)
    )


def _raw_rows(contract: Contract, table: Table, files: Sequence[Path]) -> _Raw:
    if not files:
        nulls = ", ".join(f"NULL::VARCHAR AS {quoted(c.name)}" for c in table.columns)
        return _Raw(f"SELECT {nulls}, FALSE AS _unreadable WHERE FALSE")
    if contract.delivery.format == "csv":
        return _delimited(contract, table, files)
    return _documents(contract, table, files)


def _delimited(contract: Contract, table: Table, files: Sequence[Path]) -> _Raw:
    selects, errors = [], []
    delimiter = literal(contract.delivery.delimiter)
    picked = ", ".join(f"{quoted(c.source)} AS {quoted(c.name)}" for c in table.columns)
    for number, path in enumerate(files):
        header = check_delimited(path, contract, table)
        columns = ", ".join(f"{literal(h)}: 'VARCHAR'" for h in header)
        name = f"unread_{table.name}_{number}"
        errors.append(name)
        selects.append(
            f"SELECT {picked}, FALSE AS _unreadable FROM read_csv("
            f"{literal(str(path))}, auto_detect=false, header=true, "
            f"delim={delimiter}, quote='\"', escape='\"', strict_mode=true, "
            f"null_padding=false, nullstr='', columns={{{columns}}}, "
            f"store_rejects=true, rejects_table='{name}', "
            f"rejects_scan='{name}_scan')"
        )
    return _Raw(" UNION ALL ".join(selects), tuple(errors))


def _documents(contract: Contract, table: Table, files: Sequence[Path]) -> _Raw:
    listed = ", ".join(literal(str(path)) for path in files)
    if contract.delivery.format == "ndjson":
        docs = (
            f"SELECT json AS doc FROM read_ndjson_objects([{listed}], "
            f"ignore_errors=true, maximum_object_size={MAX_OBJECT})"
        )
    elif table.records in (None, WHOLE_ARRAY):
        docs = (
            f"SELECT json AS doc FROM read_json_objects([{listed}], format='array', "
            f"maximum_object_size={MAX_OBJECT})"
        )
    else:
        docs = (
            f"SELECT unnest(json_extract(json, {literal(table.records)})) "
            f"AS doc FROM read_json_objects([{listed}], format='unstructured', "
            f"maximum_object_size={MAX_OBJECT})"
        )
    paths = ", ".join(literal(f"$.{c.source}") for c in table.columns)
    picked = ", ".join(
        f"_texts[{i}] AS {quoted(c.name)}" for i, c in enumerate(table.columns, 1)
    )
    return _Raw(
        f"SELECT {picked}, _unreadable FROM (SELECT json_extract_string(doc, "
        f"[{paths}]) AS _texts, doc IS NULL AS _unreadable FROM ({docs}))"
    )


def _unreadable(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> DeliveryHeld:
    """Make the error for files that DuckDB refused, without what it said of them."""
    bad = next((n for n, p in enumerate(files, 1) if not _is_json(con, p)), None)
    what = f"file {bad} of {len(files)}" if bad else f"one of {len(files)} files"
    return DeliveryHeld(
        "UNREADABLE_FILE",
        feed=contract.id,
        detail=f"{table.name}: {what} is not valid {contract.delivery.format}",
        remedy="Ask the agency to check its export, then run the night again",
    )


def _is_json(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    query = "SELECT bool_and(json_valid(content)) FROM read_text(?)"
    return bool(one(con, query, [str(path)])[0])


def load_deletes(
    con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path], ndjson: bool
) -> str:
    """Read deletion notices into ``deleted_<table>``: the key texts of deleted rows."""
    relation = f"deleted_{table.name}"
    assert table.deletes is not None
    keys = table.deletes.key
    if not files:
        nulls = ", ".join(f"NULL::VARCHAR AS {quoted(name)}" for name in keys)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT {nulls} WHERE FALSE"
        )
        return relation
    reader = (
        "read_ndjson_objects(?)"
        if ndjson
        else ("read_json_objects(?, format='unstructured')")
    )
    picked, kept = [], []
    for name, key in keys.items():
        text = f"json_extract_string(doc, {literal(key.path)})"
        if key.prefix:
            kept.append(f"starts_with({text}, {literal(key.prefix)})")
            text = f"substr({text}, {len(key.prefix) + 1})"
        picked.append(f"{text} AS {quoted(name)}")
    where = f"WHERE {' AND '.join(kept)}" if kept else ""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT DISTINCT "
        f"{', '.join(picked)} FROM (SELECT unnest(json_extract(json, "
        f"{literal(table.deletes.records)})) AS doc FROM {reader}) {where}",
        [[str(path) for path in files]],
    )
    return relation
