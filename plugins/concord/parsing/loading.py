"""Landed files into one typed DuckDB table per contract table.

Every row of the files ends in the typed table or among the rejected, and is counted.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, literal, one, quoted
from concord.parsing.casting import Casting, castings
from concord.parsing.documents import (
    MAX_OBJECT,
    WHOLE_ARRAY,
    examine_lines,
    examine_page,
)
from concord.parsing.nesting import rows_sql, texts_sql
from concord.parsing.preflight import examine_delimited
from concord.parsing.problems import holding
from concord.parsing.rows import Examined

MASK_BITS = 62  # of a BIGINT, without its sign


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
    records: int  # what the agency counts; fewer or more than rows if rows are elements
    notes: dict[str, int]  # accepted, but told: kinds and counts


def load(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> Loaded:
    """Read a table's files, type every column, and mark rows that have no valid form.

    Each file is looked at once as bytes and read once as rows: texts are typed while
    they stream into the table.

    Raises:
        DeliveryHeld: A file as a whole can't be read safely.
    """
    relation = f"typed_{table.name}"
    held = holding(contract, table)
    if contract.delivery.format == "csv" or not files:
        raw = _delimited(contract, table, files) if files else _nothing(table)
        readable = _read(con, table, raw)
    else:
        raw, readable = _read_while_looking(con, contract, table, files)
    if not readable:
        what = f"{len(files)} files are not all valid {contract.delivery.format}"
        raise held("UNREADABLE_FILE", what)
    types = castings(table, ascii_only=raw.ascii)
    _number_rows(con, relation, f"read_{table.name}", types)
    counted = _count_faults(con, f"read_{table.name}", types)
    cut = sum(count(con, f"(SELECT DISTINCT line FROM {e})") for e in raw.errors)
    rows = count(con, relation)
    read = rows if table.each is None else count(con, f"({raw.records})")
    if raw.rows is not None and raw.rows != read + cut:
        raise held("ROWS_UNACCOUNTED", f"{raw.rows} rows seen, {read + cut} read")
    unreadable = cut + raw.damaged
    return Loaded(
        relation,
        received=rows + unreadable,
        unreadable=unreadable,
        rejected=count(con, f"(FROM {relation} WHERE _rejected)"),
        types=counted,
        records=read + unreadable,
        notes=raw.notes,
    )


@dataclass(frozen=True)
class _Raw:
    """A query of a table's raw texts, and what a look at the files' bytes found."""

    query: str
    examined: tuple[Examined, ...] = ()
    errors: tuple[str, ...] = ()  # tables that list unreadable lines
    records: str = ""  # the query before records were taken apart

    @property
    def rows(self) -> int | None:
        """Return how many rows DuckDB must find, if that is known."""
        known = [e.rows for e in self.examined if e.rows is not None]
        return sum(known) if len(known) == len(self.examined) else None

    @property
    def ascii(self) -> bool:
        """Say whether every character is known to be ASCII."""
        return bool(self.examined) and all(e.ascii for e in self.examined)

    @property
    def damaged(self) -> int:
        """Return how many rows were left out."""
        return sum(e.damaged for e in self.examined)

    @property
    def notes(self) -> dict[str, int]:
        """Return what was accepted but is to be told, over all files."""
        return dict(sum((Counter(e.notes) for e in self.examined), Counter()))


def _typed(raw: str, types: Sequence[Casting]) -> str:
    texts = ", ".join(f"{c.text} AS {c.text_name}" for c in types)
    values = ", ".join(f"{c.typed} AS {quoted(c.column.name)}" for c in types)
    names = ", ".join(quoted(c.column.name) for c in types)
    kept = ", ".join(f"{c.kept} AS {quoted(c.column.name)}" for c in types if c.kept)
    replaced = f"* REPLACE ({kept})" if kept else "*"
    faults = "".join(f", {mask.sql} AS {mask.name}" for mask in _masks(types))
    return (
        f"SELECT {names}{faults} FROM (SELECT {replaced} FROM (SELECT *, {values} "
        f"FROM (SELECT {texts} FROM ({raw}))))"
    )


@dataclass(frozen=True)
class _Mask:
    """A column of the read table whose bits say which values of a row have a fault."""

    number: int
    types: tuple[Casting, ...]

    @property
    def name(self) -> str:
        """Return the column's name."""
        return f"_faults_{self.number}"

    @property
    def sql(self) -> str:
        """Return SQL that sets the bits."""
        bits = (
            f"CASE WHEN {c.fault} THEN {1 << n} ELSE 0 END"
            for n, c in enumerate(self.types)
        )
        return f"CAST({' + '.join(bits)} AS BIGINT)"

    def any_of(self, chosen: Callable[[Casting], bool]) -> str | None:
        """Return SQL that is true where one of some columns has a fault."""
        bits = sum(1 << n for n, c in enumerate(self.types) if chosen(c))
        return f"({self.name} & {bits} <> 0)" if bits else None


def _masks(types: Sequence[Casting]) -> tuple[_Mask, ...]:
    may_fail = [c for c in types if c.fault]
    starts = range(0, len(may_fail), MASK_BITS)
    return tuple(
        _Mask(number, tuple(may_fail[start : start + MASK_BITS]))
        for number, start in enumerate(starts)
    )


def _number_rows(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    read: str,
    types: Sequence[Casting],
) -> None:
    """Make a view with ``_row`` and ``_rejected``.

    The engine's own row numbers are taken: counting rows while they are read would
    keep it to one thread.
    """
    names = ", ".join(quoted(c.column.name) for c in types)
    needed = [
        mask.any_of(lambda c: c.column.required or c.column.tells_deletion)
        for mask in _masks(types)
    ]
    rejected = " OR ".join(filter(None, needed)) or "FALSE"
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {relation} AS SELECT {names}, "
        f"rowid + 1 AS _row, ({rejected}) AS _rejected FROM {read}"
    )


def _count_faults(
    con: duckdb.DuckDBPyConnection, relation: str, types: Sequence[Casting]
) -> tuple[TypeFaults, ...]:
    present = ", ".join(f"count({quoted(c.column.name)})" for c in types)
    values = one(con, f"SELECT {present} FROM {relation}")
    faults: dict[int, int] = {}
    for mask in _masks(types):
        counted = ", ".join(
            f"count(*) FILTER (WHERE {mask.name} & {1 << n} <> 0)"
            for n in range(len(mask.types))
        )
        found = one(con, f"SELECT {counted} FROM {relation} WHERE {mask.name} <> 0")
        faults |= {c.number: n for c, n in zip(mask.types, found, strict=True)}
    return tuple(
        TypeFaults(c.column.name, c.column.required, n, faults.get(c.number, 0))
        for c, n in zip(types, values, strict=True)
    )


def _read(con: duckdb.DuckDBPyConnection, table: Table, raw: _Raw) -> bool:
    """Read rows into a table; False if the engine finds that they can't be read.

    What the engine says stays here: it quotes what it read.
    """
    types = castings(table, ascii_only=raw.ascii)
    try:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE read_{table.name} AS "
            f"{_typed(raw.query, types)}"
        )
    except duckdb.InvalidInputException:
        return False
    return True


def _read_while_looking(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    files: Sequence[Path],
) -> tuple[_Raw, bool]:
    """Read documents while their bytes are looked at, which takes about as long.

    Nothing that was read before the look is over is used, unless the look found every
    file whole; else what it left of them is read again.
    """
    hasty = _documents(contract, table, [Examined(path, None, 0) for path in files])
    with ThreadPoolExecutor(1) as looking:
        look = looking.submit(_examined, contract, table, files)
        try:
            readable = _read(con, table, hasty)
        except (duckdb.Error, UnicodeDecodeError):  # of the words that quote the bytes
            readable = False
        examined = look.result()
    raw = _documents(contract, table, examined)
    if not readable or raw.query != hasty.query:
        readable = _read(con, table, raw)
    return raw, readable


def _nothing(table: Table) -> _Raw:
    nulls = ", ".join(f"NULL::VARCHAR AS {quoted(c.name)}" for c in table.columns)
    empty = f"SELECT {nulls} WHERE FALSE"
    return _Raw(empty, records=empty)


def _delimited(contract: Contract, table: Table, files: Sequence[Path]) -> _Raw:
    """Read columns by their place in the header, whose own names never get into SQL."""
    selects, errors, examined = [], [], []
    delimiter = literal(contract.delivery.delimiter)
    for number, path in enumerate(files, 1):
        held = holding(contract, table, number, len(files))
        seen, header = examine_delimited(path, contract, table, held)
        columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(header.width))
        picked = ", ".join(
            f"c{header.places[c.source]} AS {quoted(c.name)}" for c in table.columns
        )
        name = f"unread_{table.name}_{number}"
        errors.append(name)
        examined.append(seen)
        selects.append(
            f"SELECT {picked} FROM read_csv("
            f"{literal(str(seen.path))}, auto_detect=false, header=true, "
            f"delim={delimiter}, quote='\"', escape='\"', strict_mode=true, "
            f"null_padding=false, nullstr='', columns={{{columns}}}, "
            f"store_rejects=true, rejects_table='{name}', "
            f"rejects_scan='{name}_scan')"
        )
    return _Raw(" UNION ALL ".join(selects), tuple(examined), tuple(errors))


def _documents(contract: Contract, table: Table, examined: Sequence[Examined]) -> _Raw:
    lines = contract.delivery.format == "ndjson"
    listed = ", ".join(literal(str(seen.path)) for seen in examined)
    limit = f"maximum_object_size={MAX_OBJECT}"
    if lines:
        docs = f"SELECT json AS doc FROM read_ndjson_objects([{listed}], {limit})"
    elif table.records in (None, WHOLE_ARRAY):
        # DuckDB's reader takes such a document apart by itself.
        docs = (
            f"SELECT json AS doc FROM read_json_objects([{listed}], format='array', "
            f"{limit})"
        )
    else:
        docs = (
            f"SELECT unnest(json_extract(json, {literal(table.records)})) AS doc "
            f"FROM read_json_objects([{listed}], format='unstructured', {limit})"
        )
    query = texts_sql(rows_sql(docs, table), table)
    return _Raw(query, tuple(examined), records=docs)


def _examined(
    contract: Contract, table: Table, files: Sequence[Path]
) -> tuple[Examined, ...]:
    """Look at a table's JSON files."""
    found = []
    for number, path in enumerate(files, 1):
        held = holding(contract, table, number, len(files))
        if contract.delivery.format == "ndjson":
            found.append(examine_lines(path, held))
        else:
            found.append(examine_page(path, table.records, held))
    return tuple(found)
