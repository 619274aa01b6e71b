"""What is inside an artefact: plain bytes, members, columns and metadata.

Every file is looked at as bytes; what is compressed or laid out in columns is opened
as well, because an identifier is not to be seen in the bytes of a compressed page.
What can't be opened is reported rather than passed over.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from concord.deidentification.tokens import PATTERN
from concord.disclosure.databases import database_parts, sqlite_bytes, sqlite_file
from concord.disclosure.dictionary import is_label
from concord.disclosure.pieces import (
    BROKEN,
    Name,
    Part,
    Piece,
    Unreadable,
    cells_piece,
    guarded,
)
from concord.disclosure.views import SEPARATOR
from concord.duck import literal, quoted

DEEPEST = 3
LARGEST_MEMBER = 1 << 30
_ROWS = 50_000
_NO_TEXT = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|"
    r"TIME(STAMP)?(_S|_MS|_NS)?( WITH TIME ZONE)?|INTERVAL"
)
Opener = Callable[[BinaryIO, str, int], Iterator[Part]]


def parts(path: Path) -> Iterator[Part]:
    """Yield everything that a file holds."""
    try:
        with path.open("rb") as handle:
            head = handle.read(16)
            handle.seek(0)
            if head[8:12] == _DUCKDB:
                yield Piece("", handle)
                yield from guarded(_duckdb_file(path), "")
            elif head.startswith(_SQLITE):
                yield Piece("", handle)
                yield from guarded(sqlite_file(path, _blob), "")
            else:
                yield from _content(handle, "", 0)
    except FileNotFoundError:
        return  # a running program took it away; it can't be published any more
    except OSError:
        yield Unreadable("")


def server_parts(url: str) -> Iterator[Part]:
    """Yield everything that a database server holds."""
    return database_parts(url, _blob)


Texts = Mapping[tuple[str, str], str]
"""For a table and column, the relation that holds its texts."""


@contextmanager
def gathered(con: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> Iterator[Texts]:
    """Gather the distinct texts of some tables once, for whoever looks through them."""
    relations: dict[tuple[str, str], str] = {}
    try:
        for table in tables:
            for name, kind in _columns(con, table):
                if _holds_text(kind) or is_label(name):
                    relation = f"_texts_{len(relations)}"
                    con.execute(
                        f"CREATE OR REPLACE TEMP TABLE {relation} AS "
                        f"{_texts(table, name)}"
                    )
                    relations[table, name] = relation
        yield relations
    finally:
        for relation in relations.values():
            con.execute(f"DROP TABLE {relation}")


def table_parts(
    con: duckdb.DuckDBPyConnection, table: str, texts: Texts | None = None
) -> Iterator[Part]:
    """Yield the names and the distinct texts of a DuckDB table's columns."""
    yield Name("table", table)
    for name, kind in _columns(con, table):
        yield Name(f"table {table}", name)
        labelled = is_label(name)
        if not _holds_text(kind) and not labelled:
            continue
        query = f"FROM {texts[table, name]}" if texts else _texts(table, name)
        reader: Any = con.sql(query).to_arrow_reader(_ROWS)
        for batch in reader:
            values = batch.column(0).to_pylist()
            yield cells_piece(f"table {table}, column {name}", values, labelled)


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    described = con.execute(f"DESCRIBE {quoted(table)}").fetchall()
    return [(name, str(kind)) for name, kind, *_ in described]


def _texts(table: str, column: str) -> str:
    """Return the query of a column's texts.

    A well-formed token is the output of a keyed hash: nobody stands in it.
    """
    return (
        f"SELECT text FROM (SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) AS text "
        f"FROM {quoted(table)}) WHERE NOT regexp_full_match(text, {literal(PATTERN)})"
    )


def _holds_text(kind: str) -> bool:
    """Say whether values of a DuckDB type can hold an identifier as text."""
    return _NO_TEXT.fullmatch(kind) is None


def _content(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    """Yield bytes as they are, then what is packed in them."""
    head = handle.read(16)
    handle.seek(0)
    yield Piece(place, handle)
    handle.seek(0)
    opener = _opener(head)
    if (depth >= DEEPEST and opener) or head[8:12] == _DUCKDB:
        yield Unreadable(place)  # too deep; or a database that opens as a file only
    elif opener:
        yield from guarded(opener(handle, place, depth), place)


def _opener(head: bytes) -> Opener | None:
    """Choose how to open content by its first bytes."""
    for magic, opener in _OPENERS:
        if head.startswith(magic):
            return opener
    return None


def _unpacked(stream: Any, place: str, depth: int) -> Iterator[Part]:
    """Yield the content of a compressed stream, also when its end is missing."""
    content = io.BytesIO()
    whole = True
    try:
        while block := stream.read1(1 << 16):  # what there is before a broken end
            content.write(block)
            if content.tell() > LARGEST_MEMBER:
                whole = False
                break
    except BROKEN:
        whole = False
    content.seek(0)
    yield from _content(content, place, depth + 1)
    if not whole:
        yield Unreadable(place)


def _gzip(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    with gzip.open(handle) as stream:
        yield from _unpacked(stream, f"{place}unpacked ", depth)


def _zstd(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    with pa.CompressedInputStream(pa.PythonFile(handle), "zstd") as stream:
        yield from _unpacked(stream, f"{place}unpacked ", depth)


def _zip(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    with zipfile.ZipFile(handle) as archive:
        for number, member in enumerate(archive.infolist(), 1):
            inner = f"{place}member {number} "
            yield Name(f"{place}member {number}", member.filename)
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield from _unpacked(stream, inner, depth)


def _parquet(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    file = pq.ParquetFile(handle)
    for key, value in (file.metadata.metadata or {}).items():
        yield Piece(f"{place}footer", io.BytesIO(key + SEPARATOR + value))
    for number in range(file.num_row_groups):
        for name in file.schema_arrow.names:
            yield Name(f"{place}footer", name)
            column = file.read_row_group(number, columns=[name])
            where = f"{place}column {name}, row group {number}"
            for array in _text_arrays(column.combine_chunks().columns[0], name):
                values = [str(v) for v in _told(array).to_pylist() if v is not None]
                yield cells_piece(where, values, is_label(name))


def _told(array: Any) -> Any:
    """Return the distinct values of an array that are not well-formed tokens."""
    found = array.unique()
    if pa.types.is_integer(found.type):
        return found
    return found.filter(pc.invert(pc.match_substring_regex(found, PATTERN)))


def _text_arrays(column: Any, name: str) -> Iterator[Any]:
    """Yield every array of texts inside a column, however deep."""
    for array in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        inner = _inner_arrays(array)
        for part in inner:
            yield from _text_arrays(part, name)
        if inner:
            continue
        if _is_binary(array.type):
            texts = [v and v.decode("latin-1") for v in array.to_pylist()]
            yield pa.array(texts, pa.string())
        elif _is_text(array.type) or (
            is_label(name) and pa.types.is_integer(array.type)
        ):
            yield array


def _inner_arrays(array: Any) -> list[Any]:
    """Return the arrays that an array of a compound type is made of."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return [array.storage]
    if pa.types.is_dictionary(kind):
        return [array.dictionary]
    if pa.types.is_struct(kind):
        return list(array.flatten())
    if pa.types.is_map(kind):
        return [array.keys, array.items]
    return [array.flatten()] if pa.types.is_nested(kind) else []


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def _is_binary(kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _sqlite(handle: BinaryIO, place: str, depth: int) -> Iterator[Part]:
    yield from sqlite_bytes(handle, place, _blob)


def _blob(blob: bytes, place: str) -> Iterator[Part]:
    """Yield a database's binary value; such values are often zlib streams."""
    with suppress(zlib.error):  # not a zlib stream: looked at as it is
        blob = zlib.decompress(blob)
    yield from _content(io.BytesIO(blob), f"{place} ", 1)


def _duckdb_file(path: Path) -> Iterator[Part]:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE NOT internal AND database_name = current_database()"
        ).fetchall()
        for (table,) in tables:
            yield from table_parts(con, table)
        views = con.execute(
            "SELECT sql FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        yield cells_piece("views", [str(sql) for (sql,) in views], labelled=False)


_DUCKDB = b"DUCK"
_SQLITE = b"SQLite format 3\x00"
_OPENERS: tuple[tuple[bytes, Opener], ...] = (
    (b"\x1f\x8b", _gzip),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"PK\x03\x04", _zip),
    (b"PAR1", _parquet),
    (b"PARE", _parquet),
    (_SQLITE, _sqlite),
)
