"""What is inside a database: names of tables and columns, and every text in them.

Integers are looked at where their column's name announces identifiers, and binary
values as files are, for they are often packed.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from concord.disclosure.dictionary import is_label
from concord.disclosure.pieces import Name, Part, Unreadable, cells_piece
from concord.duck import quoted

Blobs = Callable[[bytes, str], Iterator[Part]]
"""How a binary value is looked at: the value and its place."""
_ROWS = 50_000
_SYSTEM = frozenset({"information_schema", "pg_catalog"})


def sqlite_file(path: Path, blobs: Blobs) -> Iterator[Part]:
    """Yield what a SQLite file holds; it is opened to read only."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as con:
        yield from _sqlite_tables(con, "", blobs)


def sqlite_bytes(handle: BinaryIO, place: str, blobs: Blobs) -> Iterator[Part]:
    """Yield what a SQLite database that was packed holds."""
    with closing(sqlite3.connect(":memory:")) as con:
        con.deserialize(handle.read())
        yield from _sqlite_tables(con, place, blobs)


def database_parts(url: str, blobs: Blobs) -> Iterator[Part]:
    """Yield what every table of a database server holds, read by the name given.

    A table that may not be read is told of; so is a database that does not answer.
    """
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            for schema in sorted(set(inspector.get_schema_names()) - _SYSTEM):
                for name in sorted(inspector.get_table_names(schema)):
                    yield from _server_table(engine, schema, name, blobs)
    except sa.exc.SQLAlchemyError:
        yield Unreadable("database")
    finally:
        engine.dispose()


def _server_table(
    engine: sa.Engine, schema: str, name: str, blobs: Blobs
) -> Iterator[Part]:
    place = f"table {schema}.{name}"
    yield Name("table", name)
    try:
        table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=engine)
        with engine.connect().execution_options(yield_per=_ROWS) as connection:
            rows = connection.execute(sa.select(table))
            names = list(rows.keys())
            batches = ([tuple(row) for row in part] for part in rows.partitions())
            yield from _rows(place, names, batches, blobs)
    except (sa.exc.SQLAlchemyError, LookupError, ValueError):
        yield Unreadable(place)


def _sqlite_tables(con: sqlite3.Connection, place: str, blobs: Blobs) -> Iterator[Part]:
    con.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    tables = con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    for (table,) in tables.fetchall():
        yield Name(f"{place}table", table)
        rows = con.execute(f"SELECT * FROM {quoted(table)}")
        names = [column[0] for column in rows.description or ()]
        batches = _batches(rows)
        yield from _rows(f"{place}table {table}", names, batches, blobs)


def _batches(rows: sqlite3.Cursor) -> Iterator[list[Any]]:
    while batch := rows.fetchmany(_ROWS):
        yield batch


def _rows(
    place: str,
    names: Sequence[str],
    batches: Iterator[Sequence[tuple[Any, ...]]],
    blobs: Blobs,
) -> Iterator[Part]:
    """Yield the names of a table's columns, then the columns of its rows."""
    for name in names:
        yield Name(place, name)
    for batch in batches:
        for name, values in zip(names, zip(*batch, strict=True), strict=True):
            yield from _values(f"{place}, column {name}", values, is_label(name), blobs)


def _values(
    place: str, values: Sequence[Any], labelled: bool, blobs: Blobs
) -> Iterator[Part]:
    """Yield a column's texts, and each blob with what is packed in it."""
    texts = {v for v in values if isinstance(v, str)}
    texts |= {json.dumps(v, default=str) for v in values if isinstance(v, dict | list)}
    if labelled:
        texts |= {str(v) for v in values if isinstance(v, int)}
    yield cells_piece(place, sorted(texts), labelled)
    for blob in {bytes(v) for v in values if isinstance(v, bytes | memoryview)}:
        yield from blobs(blob, place)
