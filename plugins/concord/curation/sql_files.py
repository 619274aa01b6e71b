"""Curated tables as files: one SELECT beside one description, in order of need."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, model_validator

from concord.contracts.aggregates import CountRule
from concord.contracts.findings import Findings
from concord.contracts.odcs import Strict
from concord.contracts.yaml_lines import Document, parse
from concord.curation.purity import check_pure, line_of
from concord.exceptions import ConfigError

ColumnType = Literal["VARCHAR", "DATE", "BIGINT", "DOUBLE", "BOOLEAN"]


class CuratedColumn(Strict):
    """One published column.

    ``from`` names columns of contracts (``feed.table.column``), ``concept`` stands for
    every column of a concept, ``derived`` says how the SQL makes the column.
    """

    type: ColumnType
    description: str = Field(min_length=8)
    from_: tuple[str, ...] = Field(default=(), alias="from")
    concept: str | None = None
    derived: str | None = None

    @model_validator(mode="after")
    def _has_origin(self) -> "CuratedColumn":
        if not (self.from_ or self.concept or self.derived):
            raise ValueError("a column needs 'from', 'concept' or 'derived'")
        return self


class Description(Strict):
    """What a curated table is, for whoever reads it."""

    description: str = Field(min_length=8)
    grain: str = Field(min_length=8)
    key: tuple[str, ...] = Field(min_length=1)
    owner: str
    disclosure: str = Field(min_length=8)
    columns: Mapping[str, CuratedColumn]
    added: Mapping[str, CuratedColumn] = Field(
        default={}, description="Columns that the disclosure checks add afterwards."
    )
    counts: CountRule | None = Field(
        default=None, description="How the rows are counted; only counts are published."
    )

    @model_validator(mode="after")
    def _counts_what_it_describes(self) -> "Description":
        """Let the key of a table of counts be a period, then its dimensions."""
        if self.counts is None:
            return self
        if self.key[1:] != tuple(self.counts.dimensions):
            raise ValueError("the key of counts is the period, then the dimensions")
        for name in (self.counts.person, *filter(None, [self.counts.mean])):
            if name not in self.columns:
                raise ValueError(f"counts names '{name}', which is no column")
        return self


@dataclass(frozen=True)
class CuratedTable:
    """A curated table: its name, query, description and what the query reads."""

    name: str
    path: Path
    sql: str
    about: Description
    reads: frozenset[str]


def read_tables(folder: Path, *instead: Path) -> tuple[CuratedTable, ...]:
    """Read every ``<table>.sql`` and ``<table>.yaml``, each after what it reads.

    Args:
        folder: Where the tables are.
        instead: Further folders; a table there takes the place of one of its name.

    Raises:
        ConfigError: A file lacks its other half, isn't one SELECT, reads the clock,
            describes a key that isn't a column, or tables read one another in a circle.
    """
    findings = Findings()
    tables = draft_tables((folder, *instead), findings)
    findings.raise_any()
    return tables


def draft_tables(
    folders: Sequence[Path], findings: Findings
) -> tuple[CuratedTable, ...]:
    """Read the tables that can be read, and find all that is wrong with the others."""
    paths: dict[str, Path] = {}
    for folder in folders:
        here = {path.stem: path for path in folder.glob("*.sql")}
        for path in sorted(folder.glob("*.yaml")):
            if path.stem not in here:
                problem = f"{path}:1: no query beside it. Add {path.stem}.sql"
                findings.add(ConfigError(problem))
        paths |= here
    tables = {}
    with duckdb.connect() as con:
        for name in sorted(paths):
            with findings.gathered():
                tables[name] = _read(con, paths[name])
    with findings.gathered():
        return tuple(tables[name] for name in _in_order(tables, folders[0]))
    return ()


def select_tables(
    tables: Sequence[CuratedTable], names: Sequence[str]
) -> tuple[CuratedTable, ...]:
    """Return the tables named and those that they read, in order.

    Raises:
        ConfigError: A name is no curated table.
    """
    by_name = {table.name: table for table in tables}
    for name in names:
        if name not in by_name:
            raise ConfigError(
                f"no curated table '{name}'. There are: {', '.join(sorted(by_name))}"
            )
    wanted: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left.extend(by_name[name].reads & by_name.keys())
    return tuple(table for table in tables if table.name in wanted)


def _read(con: duckdb.DuckDBPyConnection, path: Path) -> CuratedTable:
    beside = path.with_suffix(".yaml")
    if not beside.is_file():
        raise ConfigError(f"{path}:1: not described. Add {beside.name}")
    document = Document(beside)
    about = parse(document, Description)
    for column in about.key:
        if column not in about.columns:
            raise document.fail(
                ("key",), f"key column '{column}' is no column", "Describe it"
            )
    sql = path.read_text(encoding="utf-8")
    return CuratedTable(path.stem, path, sql, about, relations_read(con, path, sql))


def relations_read(
    con: duckdb.DuckDBPyConnection, path: Path, sql: str
) -> frozenset[str]:
    """Return the relations that a query reads, from DuckDB's own parse of it."""
    parse_tree = "SELECT json_serialize_sql($sql)"
    ((text,),) = con.execute(parse_tree, {"sql": sql}).fetchall()
    tree: dict[str, Any] = json.loads(text)
    if tree["error"]:
        problem = tree.get("error_message", "it can't be parsed")
        line = line_of(sql, position=int(tree.get("position", 0)))
        raise ConfigError(f"{path}:{line}: {problem}. A table is one SELECT")
    if len(tree["statements"]) != 1:
        raise ConfigError(
            f"{path}:1: {len(tree['statements'])} statements. A table is one SELECT"
        )
    nodes = list(_nodes(tree))
    check_pure(path, sql, nodes)
    named = {
        item["key"] for node in nodes for item in node.get("cte_map", {}).get("map", ())
    }
    tables = {node["table_name"] for node in nodes if node.get("type") == "BASE_TABLE"}
    return frozenset(tables - named)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Walk every object of a parse tree."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _in_order(tables: Mapping[str, CuratedTable], folder: Path) -> tuple[str, ...]:
    """Return the tables' names, each after those that it reads."""
    sorter = TopologicalSorter(
        {name: sorted(table.reads & tables.keys()) for name, table in tables.items()}
    )
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = " reads ".join(reversed(error.args[1]))
        raise ConfigError(f"{folder}: {circle}. Break the circle") from error
