"""Parquet files whose bytes depend on the rows alone.

The same rows give the same bytes in whichever order they were computed: rows are
sorted by every column, which also keeps an agency's row order out of the release,
and the file carries no tool's own copy of the schema.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from concord.duck import literal
from concord.exceptions import ConfigError
from concord.publication.layout import PART
from concord.spilling import spill_into

ROW_GROUP = 122_880


@dataclass(frozen=True)
class StoredTable:
    """What a manifest says about one table."""

    name: str
    rows: int
    bytes: int
    sha256: str
    columns: tuple[tuple[str, str], ...]

    def as_manifest(self) -> dict[str, object]:
        """Return the table's entry of the manifest."""
        return {
            "rows": self.rows,
            "columns": [{"name": n, "type": t} for n, t in self.columns],
            "files": [
                {
                    "path": f"{self.name}/{PART}",
                    "rows": self.rows,
                    "bytes": self.bytes,
                    "sha256": self.sha256,
                }
            ],
        }


def store_table(name: str, table: pa.Table, folder: Path) -> StoredTable:
    """Write one table of a release and describe what was written."""
    schema = published_schema(name, table.schema)
    path = folder / name / PART
    path.parent.mkdir()
    _write(table.cast(schema), path, folder / ".spill")
    return StoredTable(
        name=name,
        rows=table.num_rows,
        bytes=path.stat().st_size,
        sha256=sha256(path),
        columns=columns(schema),
    )


def published_schema(name: str, schema: pa.Schema) -> pa.Schema:
    """Return the schema in types that every analyst's tool reads alike.

    Raises:
        ConfigError: a column has a type that can't be published.
    """
    return pa.schema([pa.field(f.name, _plain(name, f)) for f in schema])


def columns(schema: pa.Schema) -> tuple[tuple[str, str], ...]:
    """Return names and types as a manifest writes them."""
    return tuple((field.name, str(field.type)) for field in schema)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(rows: pa.Table, path: Path, spill: Path) -> None:
    """Sort by every column, so that equal sets of rows become equal files."""
    with duckdb.connect(config={"temp_directory": ""}) as con:
        spill_into(con, spill)
        con.register("unsorted", rows)
        con.execute(
            f"COPY (FROM unsorted ORDER BY ALL) TO {literal(str(path))} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, "
            f"ROW_GROUP_SIZE {ROW_GROUP})"
        )


def _plain(table: str, field: pa.Field) -> Any:
    """Return the type under which a column is published."""
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return pa.timestamp("us")
    plain = (
        pa.types.is_string(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or pa.types.is_decimal128(kind)
        or pa.types.is_date32(kind)
    )
    if not plain:
        raise ConfigError(
            f"table {table}, column {field.name}: type {field.type} can't be "
            "published. Cast it in the table's SQL"
        )
    return kind
