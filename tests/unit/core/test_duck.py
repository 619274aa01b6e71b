"""What DuckDB holds in memory never reaches a disk in plain."""

from pathlib import Path

from concord.duck import connect, one
from concord.settings import Settings

ROWS = 1_200_000
PEOPLE = (
    "CREATE TEMP TABLE person AS SELECT n, 'Canary Quillfeather ' || n AS name, "
    f"md5(n::VARCHAR) AS mark FROM range({ROWS}) numbers(n)"
)


def test_what_is_larger_than_memory_is_spilled_whole_and_nobody_can_read_it(
    tmp_path: Path,
) -> None:
    with connect(Settings(memory_limit="60MB", threads=2), tmp_path) as con:
        con.execute(PEOPLE)
        files = [path for path in tmp_path.rglob("*.tmp") if path.is_file()]
        assert sum(path.stat().st_size for path in files) > 5_000_000
        assert not [path for path in files if b"Quillfeather" in path.read_bytes()]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        counted = (
            "count(*), sum(n), count(DISTINCT name), bool_and(mark = md5(n::TEXT))"
        )
        found = one(con, f"SELECT {counted} FROM person")
        assert found == (ROWS, ROWS * (ROWS - 1) // 2, ROWS, True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
