"""``catalog.duckdb``: one view a table, for analysts who work in SQL.

A view reads the Parquet files beside the catalog wherever the release folder lies and
from whichever folder it is opened: DuckDB puts its ``temp_directory`` beside the
database file that it opened, which is how a view can learn where its catalog is. Where
that does not hold (the catalog attached to another session, or ``temp_directory`` set
by hand), ``SET VARIABLE release = '<folder>'`` names the folder.

DuckDB puts a random identifier into every file, so the catalog is the one file of a
release whose bytes are not reproducible. It holds no rows, and is left out of digests.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from concord.duck import count, literal, quoted
from concord.publication.layout import CATALOG

OLDEST_READER = "v1.0.0"
_HERE = (
    "coalesce(getvariable('release'), parse_dirpath(current_setting('temp_directory')))"
)


def build_catalog(release: Path, tables: Iterable[str]) -> None:
    """Write the catalog of a release whose tables are in place."""
    with duckdb.connect(
        str(release / CATALOG), config={"storage_compatibility_version": OLDEST_READER}
    ) as con:
        for table in sorted(tables):
            files = literal(f"/{table}/*.parquet")
            con.execute(
                f"CREATE VIEW {quoted(table)} AS "
                f"SELECT * FROM read_parquet({_HERE} || {files})"
            )


def catalog_problem(release: Path, rows: Mapping[str, int]) -> str | None:
    """Say what is wrong with a release's catalog, if anything is."""
    try:
        with duckdb.connect(str(release / CATALOG), read_only=True) as con:
            found = con.execute(
                "SELECT table_name FROM information_schema.tables"
            ).fetchall()
            counts = {name: count(con, quoted(name)) for (name,) in found}
    except duckdb.Error as error:
        return f"can't be opened ({type(error).__name__})"
    return None if counts == rows else "does not show the tables of the manifest"
