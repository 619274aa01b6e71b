"""Curated tables as files: one SELECT beside one description, in order of need."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import Field, model_validator

from concord.contracts.odcs import Strict
from concord.contracts.yaml_lines import Document, parse
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
    paths: dict[str, Path] = {}
    for place in (folder, *instead):
        here = {path.stem: path for path in place.glob("*.sql")}
        for path in sorted(place.glob("*.yaml")):
            if path.stem not in here:
                raise ConfigError(f"{path}: no query beside it. Add {path.stem}.sql")
        paths |= here
    with duckdb.connect() as con:
        tables = {name: _read(con, paths[name]) for name in sorted(paths)}
    return tuple(tables[name] for name in _in_order(tables, folder))


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
        raise ConfigError(f"{path}: not described. Add {beside.name}")
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
        raise ConfigError(f"{path}: {problem}. A table is one SELECT")
    if len(tree["statements"]) != 1:
        raise ConfigError(
            f"{path}: {len(tree['statements'])} statements. A table is one SELECT"
        )
    nodes = list(_nodes(tree))
    check_pure(path, nodes)
    named = {
        item["key"] for node in nodes for item in node.get("cte_map", {}).get("map", ())
    }
    tables = {node["table_name"] for node in nodes if node.get("type") == "BASE_TABLE"}
    return frozenset(tables - named)


CLOCK = frozenset(
    {
        "current_date", "current_time", "current_timestamp", "get_current_time",
        "get_current_timestamp", "localtime", "localtimestamp", "now", "today",
        "transaction_timestamp",
    }
)  # fmt: skip
CHANCE = frozenset({"gen_random_uuid", "random", "setseed", "uuid", "uuidv4", "uuidv7"})
DIFFERENCES = frozenset({"date_diff", "datediff", "date_sub", "datesub"})
EXACT = frozenset({"day", "hour", "minute", "second", "millisecond", "microsecond"})


def check_pure(path: Path, nodes: Iterable[dict[str, Any]]) -> None:
    """Refuse SQL whose result depends on when it runs, or that reckons ages itself.

    Raises:
        ConfigError: It reads the clock or draws lots, or takes the difference of dates
            by a function that counts turns of the calendar year.
    """
    for node in nodes:
        names = {str(node.get("function_name", "")).lower()}
        if node.get("class") == "COLUMN_REF":
            names |= {str(name).lower() for name in node["column_names"]}
        if found := sorted(names & (CLOCK | CHANCE)):
            raise ConfigError(
                f"{path}: '{found[0]}' would give another result at another time. Take "
                "the night from a column"
            )
        function = str(node.get("function_name", "")).lower()
        if function == "age" or (function in DIFFERENCES and _unit(node) not in EXACT):
            raise ConfigError(
                f"{path}: '{function}' makes people up to a year too old. Ages are "
                "derived in the split; subtract dates for days"
            )


def _unit(node: dict[str, Any]) -> str:
    """Return the unit that a difference is asked for in; empty if not written out."""
    first = node["arguments"][0]["expression"]
    return str(first.get("literal", {}).get("text", "")).lower().removesuffix("s")


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
