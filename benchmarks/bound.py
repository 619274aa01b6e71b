"""The lower bound: the same night as one engineer's DuckDB script.

It reads the same files, applies the same row rules, lists failing rows by rule,
quarantines, makes the same tokens and coarse values, and writes the same curated
tables as sorted Parquet. It has persons' ids and linked assaults ready, and neither
encryption nor ledger, receipts, record keys, disclosure checks, signatures nor anything
that survives a crash.
"""

import shutil
from hashlib import sha256
from pathlib import Path

import duckdb

from benchmarks.bound_reading import read_sql
from benchmarks.measuring import Figures
from benchmarks.publishing import deidentified_sql, persons_sql, places_sql
from benchmarks.rules import bad_row_sql, references, row_rules
from benchmarks.served import NIGHT, Served, assault_pairs, person_map
from concord.contracts.models import Contract, Table
from concord.contracts.registry import Registry, load_registry
from concord.curation.sql_files import read_tables, select_tables
from concord.deidentification.zip3 import Zip3Table
from concord.parsing.casting import sql_types
from concord.settings import Settings
from concord.validation.references import in_dependency_order

PROFILE = "research"
KEY = sha256(b"a key for the benchmark").digest()


def run(served: Served, home: Path, output: Path, figures: Figures) -> None:
    """Run the night from nothing."""
    shutil.rmtree(output, ignore_errors=True)
    (output / "quarantine").mkdir(parents=True)
    settings = Settings()
    registry = load_registry(settings)
    with duckdb.connect(config={"threads": settings.threads}) as con:
        con.execute("LOAD icu; SET TimeZone = 'America/Chicago'")
        contracts = [c for c in registry.contracts.values() if c.id in served.feeds]
        for contract in contracts:
            with figures.stage(f"read {contract.id}"):
                for table in contract.tables:
                    read(con, contract, table, served)
        for contract in contracts:
            with figures.stage(f"validate {contract.id}"):
                for table in in_dependency_order(contract):
                    validate(con, contract, table, settings.expectations)
                    _quarantine(con, contract, table, output / "quarantine")
        _leave_empty(con, registry, served)
        with figures.stage("persons and tokens"):
            _persons(con, registry, settings, home)
        with figures.stage("publish"):
            _publish(con, registry, settings, served, output, figures)


def _leave_empty(
    con: duckdb.DuckDBPyConnection, registry: Registry, served: Served
) -> None:
    """Make empty ``good_…`` of feeds that never delivered; curated SQL reads them."""
    for contract in registry.contracts.values():
        for table in contract.tables if contract.id not in served.feeds else ():
            nulls = ", ".join(
                f'NULL::{kind} AS "{name}"' for name, kind in sql_types(table).items()
            )
            con.execute(
                f"CREATE TABLE good_{contract.id}_{table.name} AS "
                f"SELECT {nulls} WHERE FALSE"
            )


def read(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, served: Served
) -> None:
    """Read one table, typed."""
    query = read_sql(contract, table, served.paths(contract.id, table.source))
    con.execute(f"CREATE OR REPLACE TABLE typed_{contract.id}_{table.name} AS {query}")


def failures_sql(
    contract: Contract,
    table: Table,
    expectations: Path,
    relation: str,
    row: str = "rowid",
) -> str:
    """Return the query of failing rows: number, rules, and whether any is critical."""
    rules = row_rules(table, expectations, contract.id)
    bad = {rule.name: bad_row_sql(rule, table) for rule in rules}
    listed = ", ".join(f"CASE WHEN {sql} THEN '{n}' END" for n, sql in bad.items())
    critical = [f"({bad[rule.name]})" for rule in rules if rule.critical]
    return (
        f"SELECT {row} AS row, list_filter([{listed}], lambda rule: rule IS NOT NULL) "
        f"AS rules, coalesce({' OR '.join(critical) or 'FALSE'}, FALSE) AS critical "
        f"FROM {relation} WHERE {' OR '.join(f'({sql})' for sql in bad.values())}"
    )


def validate(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, expectations: Path
) -> None:
    """Make ``bad_…``: failing rows by rule; and ``good_…``: the rows that go on."""
    name = f"{contract.id}_{table.name}"
    query = failures_sql(contract, table, expectations, f"typed_{name}")
    con.execute(f"CREATE TABLE bad_{name} AS {query}")
    for column in references(table):
        parent, key = str(column.references).split(".")
        con.execute(
            f"INSERT INTO bad_{name} SELECT rowid, ['reference:{column.name}'], "
            f"{column.required} FROM typed_{name} "
            f"ANTI JOIN good_{contract.id}_{parent} "
            f'AS parent ON typed_{name}."{column.name}" = parent."{key}" '
            f'WHERE "{column.name}" IS NOT NULL'
        )
    keys = ", ".join(f'"{column.name}"' for column in table.key)
    updated = table.with_concept("technical.updated_at")
    newest = f"{updated.name} DESC, " if updated else ""
    deleted = "action <> 'D'" if table.with_concept("technical.action") else "TRUE"
    con.execute(
        f"CREATE TABLE good_{name} AS SELECT * FROM typed_{name} WHERE {deleted} AND "
        f"rowid NOT IN (SELECT row FROM bad_{name} WHERE critical) "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest}rowid DESC)"
        " = 1"
    )


def _quarantine(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, folder: Path
) -> None:
    name = f"{contract.id}_{table.name}"
    con.execute(
        f"COPY (SELECT rules, typed_{name}.* FROM bad_{name} JOIN typed_{name} "
        f"ON row = typed_{name}.rowid WHERE critical) "
        f"TO '{folder / name}.parquet' (COMPRESSION zstd)"
    )
    con.execute(f"DROP TABLE typed_{name}")


def _persons(
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    settings: Settings,
    home: Path,
) -> None:
    """Make tokens of persons and places, and a row of coarse attributes for each."""
    _create_token_macro(con)
    for codelist in registry.codelists.values():
        rows = ", ".join(
            f"('{code}', nullif('{value}', ''))"
            for code, value in codelist.codes.items()
        )
        con.execute(
            f"CREATE TABLE codes_{codelist.name} AS "
            f"SELECT * FROM (VALUES {rows}) AS codes(code, value)"
        )
    con.execute(
        f"CREATE TABLE person_token AS WITH ready AS (FROM '{person_map(home)}'), "
        "token AS (SELECT person_id, 'per_' || token('person', person_id) AS "
        "person_token FROM (SELECT DISTINCT person_id FROM ready)) "
        "SELECT feed, source_id, person_token FROM ready JOIN token USING (person_id)"
    )
    zips = Zip3Table.read(settings.include / "reference" / "zip3_population_2020.csv")
    profile = registry.profile(PROFILE)
    contracts = registry.contracts.values()
    con.execute(f"CREATE TABLE persons AS {persons_sql(contracts, profile, zips)}")
    con.execute(f"CREATE TABLE places AS {places_sql(contracts, zips)}")
    # A first night has no tokens of earlier releases.
    con.execute(
        "CREATE TABLE successions "
        "(former_token VARCHAR, person_token VARCHAR, kind VARCHAR)"
    )
    con.execute(
        "CREATE TABLE assault_pairs AS SELECT "
        "'enc_' || token('encounter', encounter_id) AS encounter_id, "
        "'inc_' || token('incident', incident_id) AS incident_id "
        f"FROM '{assault_pairs(home)}'"
    )


def _create_token_macro(con: duckdb.DuckDBPyConnection) -> None:
    """HMAC-SHA-256 of a value under the key, in SQL."""
    block = KEY.ljust(64, b"\0")
    inner, outer = (
        "".join(f"\\x{byte ^ mask:02X}" for byte in block) for mask in (0x36, 0x5C)
    )
    con.execute(
        "CREATE MACRO token(entity, value) AS left(sha256("
        f"'{outer}'::BLOB || unhex(sha256('{inner}'::BLOB || encode("
        f"concat_ws(chr(0), 'deid/v1', entity, '{PROFILE}', '1', value))))), 32)"
    )


def _publish(
    con: duckdb.DuckDBPyConnection,
    registry: Registry,
    settings: Settings,
    served: Served,
    output: Path,
    figures: Figures,
) -> None:
    profile = registry.profile(PROFILE)
    coverage = []
    for contract in registry.contracts.values():
        for table in contract.tables:
            query = deidentified_sql(contract, table, profile)
            con.execute(f"CREATE VIEW {contract.id}__{table.name} AS {query}")
        if contract.id not in served.feeds:
            continue
        rows = " + ".join(
            f"(SELECT count(*) FROM good_{contract.id}_{t.name})"
            for t in contract.tables
        )
        coverage.append(
            f"SELECT '{contract.id}' AS feed, '{contract.agency}' AS agency, "
            f"'{contract.sector}' AS sector, DATE '{NIGHT}' AS night, "
            f"FALSE AS carried, {rows} AS rows"
        )
    con.execute(f"CREATE VIEW source_states AS {' UNION ALL '.join(coverage)}")
    files = read_tables(settings.include / "sql" / "curated")
    for table in select_tables(files, profile.tables):
        path = output / f"{table.name}.parquet"
        (count,) = con.execute(
            f"COPY ({table.sql}) TO '{path}' (COMPRESSION zstd)"
        ).fetchall()[0]
        figures.rows[table.name] = count
