from pathlib import Path

import duckdb
import pytest

from concord.curation.running import curate
from concord.curation.sql_files import CuratedTable, Description
from concord.exceptions import ConfigError, IntegrityError


def table(sql: str, name: str = "fig", reads: str = "pear", **types: str):
    columns = {
        column: {"type": kind, "description": "Of a test.", "derived": "Made up."}
        for column, kind in (types or {"a": "VARCHAR"}).items()
    }
    about = Description.model_validate(
        {
            "description": "A table of a test.",
            "grain": "One row a thing.",
            "key": [next(iter(columns))],
            "owner": "Test",
            "disclosure": "Nothing of anybody.",
            "columns": columns,
        }
    )
    return CuratedTable(name, Path(f"{name}.sql"), sql, about, frozenset({reads}))


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE pear AS SELECT 'x' AS a, 7::BIGINT AS n UNION ALL FROM "
        "(VALUES ('123-45-6789', 8))"
    )
    return con


def test_tables_are_made_in_turn_and_counted(con: duckdb.DuckDBPyConnection):
    made = curate(
        con,
        [
            table("SELECT a FROM pear ORDER BY a DESC"),
            table("SELECT count(*) AS n FROM fig", "plum", "fig", n="BIGINT"),
        ],
    )

    assert made == {"fig": 2, "plum": 1}
    assert con.execute("FROM fig").fetchall() == [("x",), ("123-45-6789",)]
    assert con.execute("FROM plum").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (
            table("SELECT a FROM kiwi", reads="kiwi"),
            r"fig\.sql:1: reads kiwi, which no",
        ),
        (table("SELECT a, n FROM pear"), r"fig\.sql:\d+: column n is not described"),
        (
            table("SELECT a FROM pear", a="VARCHAR", n="BIGINT"),
            r"fig\.sql:\d+: column n is described but not made",
        ),
        (
            table("SELECT n FROM pear", n="DOUBLE"),
            r"fig\.sql:\d+: column n is BIGINT, but fig\.yaml says DOUBLE",
        ),
        (
            table("SELECT a, n FROM pear", n="BIGINT", a="VARCHAR"),
            r"fig\.sql:\d+: columns are made in the order a, n\.",
        ),
        (table("SELECT b FROM pear"), r'fig\.sql:\d+: Binder Error: .*"b"'),
        (table("SELECT a, a FROM pear"), r"fig\.sql:\d+: a column occurs twice"),
    ],
    ids=["input", "extra", "lacking", "type", "order", "no such column", "twice"],
)
def test_a_result_that_is_not_what_its_file_says_is_refused(
    con: duckdb.DuckDBPyConnection, made: CuratedTable, problem: str
):
    with pytest.raises(ConfigError, match=problem):
        curate(con, [made])


def test_an_error_while_rows_are_read_tells_none_of_them(
    con: duckdb.DuckDBPyConnection,
):
    with pytest.raises(IntegrityError, match=r"curate fig: .*Conversion") as caught:
        curate(con, [table("SELECT a::BIGINT AS a FROM pear", a="BIGINT")])

    assert "6789" not in str(caught.value)
    assert caught.value.__context__ is None
