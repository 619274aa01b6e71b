"""The curated tables as one release profile has them.

Most profiles share the tables of ``include/sql/curated``. One that tells less or more
of something has SQL of its own in ``include/sql/releases/<profile>``; a table there
stands in for the one of its name. Companion columns are put in beside those passed on.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from concord.contracts.models import ReleaseProfile
from concord.curation.sql_files import (
    CuratedColumn,
    CuratedTable,
    Description,
    read_tables,
)
from concord.deidentification.companions import STATES, SUPPRESSED, companion
from concord.duck import literal, quoted
from concord.exceptions import ConfigError

RELEASES = "releases"


def folders_of(sql: Path, profile: ReleaseProfile) -> tuple[Path, ...]:
    """Return where the tables of a profile are; of one name, the last counts."""
    return sql / "curated", sql / RELEASES / profile.id


def tables_of(sql: Path, profile: ReleaseProfile) -> tuple[CuratedTable, ...]:
    """Return the curated tables of a profile, each after what it reads.

    Raises:
        ConfigError: A file is no table, or a companion can't be put into it.
    """
    tables = read_tables(*folders_of(sql, profile))
    if not profile.companions:
        return tables
    asked = frozenset(profile.companions)
    with duckdb.connect() as con:
        return tuple(_with_companions(con, table, asked) for table in tables)


def _with_companions(
    con: duckdb.DuckDBPyConnection, table: CuratedTable, asked: frozenset[str]
) -> CuratedTable:
    """Put a companion beside each column of a table that has one asked for."""
    columns: dict[str, CuratedColumn] = {}
    wanted = []
    for name, column in table.about.columns.items():
        columns[name] = column
        if column.derived is None and _has_companion(column, asked):
            wanted.append(name)
            columns[companion(name)] = CuratedColumn(
                type="VARCHAR",
                description=f"How {name} came to be: {', '.join(STATES)}.",
                derived=f"Set by what was done to {name}.",
            )
    if not wanted:
        return table
    about = Description.model_validate(
        {**table.about.model_dump(by_alias=True), "columns": columns}
    )
    return replace(table, about=about, sql=_passed_on(con, table, wanted))


def _has_companion(column: CuratedColumn, asked: frozenset[str]) -> bool:
    sources = column.from_ or ((column.concept,) if column.concept else ())
    return bool(sources) and asked.issuperset(sources)


def _passed_on(
    con: duckdb.DuckDBPyConnection, table: CuratedTable, wanted: Sequence[str]
) -> str:
    """Return a table's query with the companions of some columns beside them."""
    query = "SELECT json_serialize_sql($sql)"
    ((text,),) = con.execute(query, {"sql": table.sql}).fetchall()
    tree: dict[str, Any] = json.loads(text)
    selected = []
    for item in tree["statements"][0]["node"]["select_list"]:
        selected.append(item)
        name = item["alias"] or item.get("column_names", [""])[-1]
        if name not in wanted:
            continue
        if item["class"] != "COLUMN_REF":
            raise ConfigError(
                f"{table.path}: '{name}' is not a column passed on as it is, so it has "
                "no companion. Describe how it is derived, or pass it on"
            )
        *where, column = item["column_names"]
        names = [*where, companion(column)]
        selected.append({**item, "alias": companion(name), "column_names": names})
    tree["statements"][0]["node"]["select_list"] = selected
    query = "SELECT json_deserialize_sql($tree)"
    ((sql,),) = con.execute(query, {"tree": json.dumps(tree)}).fetchall()
    return str(sql)


def mark_suppressed(
    con: duckdb.DuckDBPyConnection, tables: Sequence[CuratedTable]
) -> None:
    """Say of values that a disclosure check took away afterwards that it did.

    Until then only a value that was never there or was absurd is empty.
    """
    given = ", ".join(literal(state) for state in STATES[:2])
    for table in tables:
        for name in table.about.columns:
            if companion(name) in table.about.columns:
                con.execute(
                    f"UPDATE {quoted(table.name)} SET {quoted(companion(name))} = "
                    f"'{SUPPRESSED}' WHERE {quoted(name)} IS NULL "
                    f"AND {quoted(companion(name))} IN ({given})"
                )
