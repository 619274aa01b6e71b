"""Random keys that stand for agency records and places outside the vault.

A key is drawn once and kept, so the same record has the same key every night, and a
record that is deleted and sent again gets its key back. The store only grows, until
retention destroys the keys of records that no state holds any more.
"""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from concord.duck import count, fetch
from concord.sealing import read_table, write_table
from concord.zones import alone, appearing

SCHEMA = pa.schema([("original", pa.string()), ("key", pa.string())])
KEPT = 2


class RecordKeys:
    """The keys of one kind of record of one feed, kept in the vault."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self.key = key

    def load(self) -> pa.Table:
        """Return every original key with its random key."""
        versions = self._versions()
        if not versions:
            return SCHEMA.empty_table()
        return read_table(versions[-1] / "keys.parquet", self.key)

    def assign(
        self,
        con: duckdb.DuckDBPyConnection,
        originals: str,
        relation: str,
        draw: Callable[[int], list[str]],
    ) -> None:
        """Make ``relation`` (original, key) with a key for everything in ``originals``.

        One process at a time, so that two nights of a feed that are checked side by
        side never give one record two keys.

        Args:
            con: Where both relations live.
            originals: A query of one column ``original``; NULLs are ignored.
            relation: The table to make.
            draw: Draws that many random keys.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / ".lock"):
            self._assign(con, originals, relation, draw)

    def _assign(
        self,
        con: duckdb.DuckDBPyConnection,
        originals: str,
        relation: str,
        draw: Callable[[int], list[str]],
    ) -> None:
        self._load_into(con, relation)
        fresh = fetch(
            con,
            f"SELECT DISTINCT original FROM ({originals}) WHERE original IS NOT NULL "
            f"AND original NOT IN (SELECT original FROM {relation}) ORDER BY original",
        )
        if fresh.num_rows == 0:
            return
        added = pa.table(
            {"original": fresh["original"], "key": draw(fresh.num_rows)}, schema=SCHEMA
        )
        con.register("_added_keys", added)
        con.execute(f"INSERT INTO {relation} FROM _added_keys")
        con.unregister("_added_keys")
        self._keep(con, relation)

    def follow(self, con: duckdb.DuckDBPyConnection, pairs: str, relation: str) -> bool:
        """Let each ``new`` original stand for the key of its ``old``; false on a clash.

        The old one keeps its key as well, so that a night can be checked again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder / ".lock"):
            return self._follow(con, pairs, relation)

    def _follow(
        self, con: duckdb.DuckDBPyConnection, pairs: str, relation: str
    ) -> bool:
        self._load_into(con, relation)
        follow = (
            f"SELECT _c.new AS original, _was.key FROM ({pairs}) AS _c "
            f"JOIN {relation} AS _was ON _was.original = _c.old"
        )
        known = f"({follow}) AS _f JOIN {relation} AS _is USING (original)"
        if count(con, f"(SELECT 1 FROM {known} WHERE _is.key <> _f.key)"):
            return False
        added = f"SELECT * FROM ({follow}) ANTI JOIN {relation} USING (original)"
        if count(con, f"({added})"):
            con.execute(f"INSERT INTO {relation} {added}")
            self._keep(con, relation)
        return True

    def keep_only(self, keys: Collection[str]) -> int:
        """Destroy every other key, in each version; returns how many were destroyed."""
        if not self.folder.is_dir():
            return 0
        with alone(self.folder / ".lock"):
            known = self.load()
            kept = known.filter(
                pc.is_in(known["key"], pa.array(sorted(keys), pa.string()))
            )
            versions = self._versions()
            if not versions or kept.num_rows == known.num_rows:
                return 0
            name = self._next(kept.num_rows)
            with appearing(self.folder / name) as folder:
                write_table(kept, folder / "keys.parquet", self.key, place=name)
            for old in versions:
                shutil.rmtree(old)
            return int(known.num_rows - kept.num_rows)

    def _load_into(self, con: duckdb.DuckDBPyConnection, relation: str) -> None:
        con.register("_kept_keys", self.load())
        con.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS FROM _kept_keys")
        con.unregister("_kept_keys")

    def _keep(self, con: duckdb.DuckDBPyConnection, relation: str) -> None:
        final = self.folder / self._next(count(con, relation))
        with appearing(final) as folder:
            table = fetch(con, f"FROM {relation} ORDER BY original")
            write_table(table, folder / "keys.parquet", self.key, place=final.name)
        for old in self._versions()[:-KEPT]:
            for path in old.iterdir():
                path.unlink()
            old.rmdir()

    def _next(self, rows: int) -> str:
        """Name a new version: after its rows, and always after the last one."""
        last = max((int(path.name) for path in self._versions()), default=-1)
        return f"{max(rows, last + 1):012d}"

    def _versions(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(p for p in self.folder.iterdir() if p.name.isdigit())
