from pathlib import Path

import pytest

from concord.curation.sql_files import read_tables, select_tables
from concord.exceptions import ConfigError
from concord.settings import Settings

ABOUT = """
description: "A table of a test."
grain: "One row a thing."
key: [a]
owner: "Test"
disclosure: "Nothing of anybody."
columns:
  a: {type: VARCHAR, description: "A thing of a test.", derived: "Made up."}
"""


def folder(path: Path, **queries: str) -> Path:
    for name, sql in queries.items():
        (path / f"{name}.sql").write_text(sql)
        (path / f"{name}.yaml").write_text(ABOUT)
    return path


def test_each_table_comes_after_those_that_it_reads(tmp_path: Path):
    where = folder(
        tmp_path,
        apple="WITH pip AS (FROM pear) SELECT a FROM pip JOIN source_x USING (a)",
        pear="SELECT a FROM fig WHERE EXISTS (SELECT 1 FROM police_rms__arrest)",
        fig="SELECT 'a' AS a",
    )

    tables = read_tables(where)

    assert [table.name for table in tables] == ["fig", "pear", "apple"]
    assert tables[2].reads == {"pear", "source_x"}
    assert tables[1].reads == {"fig", "police_rms__arrest"}
    assert tables[0].reads == frozenset()


def test_a_word_in_a_comment_or_text_is_no_table(tmp_path: Path):
    where = folder(tmp_path, fig="-- FROM pear\nSELECT 'FROM plum' AS a FROM persons")

    assert read_tables(where)[0].reads == {"persons"}


def test_selected_tables_bring_those_that_they_read(tmp_path: Path):
    tables = read_tables(
        folder(
            tmp_path,
            apple="SELECT a FROM pear",
            pear="SELECT a FROM fig",
            fig="SELECT 'a' AS a",
            plum="SELECT 'a' AS a",
        )
    )

    assert [t.name for t in select_tables(tables, ["apple"])] == [
        "fig",
        "pear",
        "apple",
    ]
    assert select_tables(tables, []) == ()
    with pytest.raises(
        ConfigError, match=r"no curated table 'kiwi'\. There are: apple"
    ):
        select_tables(tables, ["plum", "kiwi"])


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        (
            {"fig": "SELECT a FROM pear", "pear": "SELECT a FROM fig"},
            r"(fig reads pear reads fig|pear reads fig reads pear)\. Break the circle",
        ),
        ({"fig": "SELECT a FROM fig"}, "fig reads fig"),
        (
            {"fig": "DELETE FROM pear"},
            r"fig\.sql:\d+: Only SELECT.* A table is one SELECT",
        ),
        ({"fig": "SELECT 1; SELECT 2"}, r"fig\.sql:\d+: 2 statements\. A table is one"),
        ({"fig": "SELEC a"}, r"fig\.sql:\d+: syntax error"),
        ({"fig": ""}, r"fig\.sql:\d+: .*A table is one SELECT"),
    ],
    ids=["circle", "itself", "no select", "two", "no sql", "empty"],
)
def test_a_query_that_is_no_table_is_refused(
    tmp_path: Path, queries: dict[str, str], problem: str
):
    with pytest.raises(ConfigError, match=problem):
        read_tables(folder(tmp_path, **queries))


def test_half_a_table_is_refused(tmp_path: Path):
    where = folder(tmp_path, fig="SELECT 'a' AS a")

    (where / "pear.yaml").write_text(ABOUT)
    with pytest.raises(ConfigError, match=r"pear\.yaml:1: no query beside it"):
        read_tables(where)
    (where / "pear.yaml").unlink()
    (where / "fig.yaml").unlink()
    with pytest.raises(ConfigError, match=r"fig\.sql:1: not described\. Add fig\.yaml"):
        read_tables(where)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("key: [a]", "key: [b]", r"fig\.yaml:4: key column 'b' is no column"),
        ("key: [a]", "key: []", r"fig\.yaml:4: key: "),
        ("type: VARCHAR", "type: TEXT", r"fig\.yaml:8: columns\.a\.type: "),
        (', derived: "Made up."', "", "a column needs 'from', 'concept' or 'derived'"),
        ("grain:", "grane:", r"fig\.yaml:\d: (grain|grane): "),
        ('"A thing of a test."', '"Thing"', r"columns\.a\.description: "),
    ],
)
def test_a_description_that_says_too_little_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, problem: str
):
    where = folder(tmp_path, fig="SELECT 'a' AS a")
    (where / "fig.yaml").write_text(ABOUT.replace(old, new))

    with pytest.raises(ConfigError, match=problem):
        read_tables(where)


def test_the_countys_tables_are_read():
    folder = Settings().include / "sql" / "curated"
    names = [t.name for t in read_tables(folder)]

    assert "person" in names
    assert sorted(names) == sorted(path.stem for path in folder.glob("*.sql"))
