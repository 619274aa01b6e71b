"""Opening a release with the tools that its README names, wherever it lies."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.support.releases import publish_night, some_tables


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_night(tmp_path_factory.mktemp("home") / "releases").path


def in_python(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("tool", ["pandas", "pyarrow"])
def test_the_one_line_of_the_readme_works(
    tool: str, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (release / "README.md").read_text()
    line = re.search(rf"- {tool}: `(.+)`", readme)
    monkeypatch.chdir(release)

    assert line
    opened = eval(line.group(1), {"pandas": pd, "pyarrow": __import__("pyarrow")})
    assert len(opened) == 40


def test_the_sql_of_the_readme_works(release: Path) -> None:
    line = re.search(r'- DuckDB: `.+ "(.+)"`', (release / "README.md").read_text())

    assert line
    with duckdb.connect(str(release / "catalog.duckdb"), read_only=True) as con:
        assert len(con.execute(line.group(1)).fetchall()) == 10


def test_every_tool_sees_the_same_rows(release: Path) -> None:
    expected = sorted(some_tables()["person"].column("person_token").to_pylist())

    assert pq.read_table(release / "person")["person_token"].to_pylist() == expected
    assert pd.read_parquet(release / "person")["person_token"].tolist() == expected
    with duckdb.connect(str(release / "catalog.duckdb"), read_only=True) as con:
        rows = con.execute("SELECT person_token FROM person ORDER BY ALL").fetchall()
    assert [token for (token,) in rows] == expected


SQL = "import duckdb, sys; c = duckdb.connect({path!r}, read_only=True); "
COUNT = "print(c.execute('SELECT count(*) FROM incident').fetchone()[0])"


@pytest.mark.parametrize("through", ["r000001", "CURRENT"])
def test_the_catalog_opens_from_any_folder(through: str, release: Path) -> None:
    path = release.parent / through / "catalog.duckdb"
    for folder, name in (
        (Path("/"), str(path)),
        (release, "catalog.duckdb"),
        (release.parent, f"{through}/catalog.duckdb"),
        (release / "person", "../catalog.duckdb"),
    ):
        assert in_python(SQL.format(path=name) + COUNT, folder) == "40"


def test_the_catalog_works_after_the_release_was_moved(
    release: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "on a laptop" / "january"
    shutil.copytree(release, moved)

    code = SQL.format(path=str(moved / "catalog.duckdb")) + COUNT
    assert in_python(code, tmp_path) == "40"


def test_an_attached_catalog_is_told_where_it_lies(release: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release / 'catalog.duckdb'}' AS r (READ_ONLY)")
        con.execute(f"SET VARIABLE release = '{release}'")
        assert con.execute("SELECT count(*) FROM r.person").fetchone() == (40,)


def test_the_catalog_keeps_the_storage_format_of_older_readers(release: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{release / 'catalog.duckdb'}' AS r (READ_ONLY)")
        row = con.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() "
            "WHERE database_name = 'r'"
        ).fetchone()

    assert row is not None
    assert str(row[0]).startswith("v1.0.0")
