"""How persons of a release stand out in the population that they come from.

Who is alone in a release may have many equals outside of it. A population table is a
CSV file of the county's: the columns of a set and ``persons``, how many people have
them. A value that a release withholds fits every value of the population.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from concord.contracts.risk import RiskSet
from concord.disclosure.histories import PERSON
from concord.duck import literal, one, quoted
from concord.exceptions import ContractError

COUNT = "persons"


@dataclass(frozen=True)
class OfPopulation:
    """What a set's classes are in the population (k-map)."""

    k: int
    """How many people the rarest class of the release has in the population."""
    unique: int
    """Persons of the release whose class has one person of the population at most."""


def among(
    con: duckdb.DuckDBPyConnection, rows: str, path: Path, rule: RiskSet
) -> OfPopulation:
    """Compare the classes of a set with a population table.

    Args:
        con: Connection that holds the rows.
        rows: Query of the rows, with the set's columns.
        path: The population table.
        rule: The set.

    Raises:
        ContractError: The table is missing, or lacks a column.
    """
    population = _population(con, path, rule)
    listed = ", ".join(map(quoted, rule.quasi_identifiers))
    fits = " AND ".join(
        f"(c.{quoted(column)} IS NULL OR "
        f"CAST(c.{quoted(column)} AS VARCHAR) = p.{quoted(column)})"
        for column in rule.quasi_identifiers
    )
    smallest, unique = one(
        con,
        f"WITH classes AS (SELECT {listed}, count(DISTINCT {PERSON}) AS alike, "
        f"row_number() OVER () AS class FROM {rows} GROUP BY {listed}), "
        f"sizes AS (SELECT class, alike, coalesce(sum(p.{COUNT}::BIGINT), 0) AS n "
        f"FROM classes AS c LEFT JOIN {population} AS p ON {fits} GROUP BY ALL) "
        "SELECT coalesce(min(n), 0), coalesce(sum(alike) FILTER (n <= 1), 0) "
        "FROM sizes",
    )
    return OfPopulation(int(smallest), int(unique))


def _population(con: duckdb.DuckDBPyConnection, path: Path, rule: RiskSet) -> str:
    """Return how DuckDB reads the table; its columns are those of the set."""
    if not path.is_file():
        raise ContractError(
            f"{path}: no such population table, which set '{rule.id}' names. Add it: "
            f"columns {', '.join(rule.quasi_identifiers)}, {COUNT}"
        )
    read = f"read_csv({literal(str(path))}, header = true, all_varchar = true)"
    found = {row[0] for row in con.execute(f"DESCRIBE FROM {read}").fetchall()}
    for column in (*rule.quasi_identifiers, COUNT):
        if column not in found:
            raise ContractError(
                f"{path}:1: no column '{column}', which set '{rule.id}' needs. Add it"
            )
    for row, (count,) in enumerate(
        con.execute(f"SELECT {COUNT} FROM {read}").fetchall()
    ):
        if not str(count).isdecimal():
            raise ContractError(
                f"{path}:{row + 2}: {COUNT} is {count!r}. Write a whole number"
            )
    return read
