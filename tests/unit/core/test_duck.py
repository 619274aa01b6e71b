"""What DuckDB holds in memory never reaches a disk in plain."""

from pathlib import Path

import duckdb
import pytest

from concord.duck import connect
from concord.settings import Settings


def test_what_is_larger_than_memory_is_refused_rather_than_written_plain(
    tmp_path: Path,
) -> None:
    with connect(Settings(memory_limit="32MB"), tmp_path) as con:
        with pytest.raises(duckdb.Error, match=r"crypto|memory"):
            con.execute(
                "CREATE TEMP TABLE person AS SELECT 'Canary Quillfeather ' || n "
                "AS name FROM range(2_000_000) numbers(n)"
            )
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in files if b"Quillfeather" in path.read_bytes()]
