"""Checks between agencies: how many of one's numbers the other has, as two counts.

A check is ``include/sql/checks/<name>.sql``, one SELECT of one row with the columns
``found`` and ``compared`` over the de-named content of two feeds, and ``<name>.yaml``
beside it. Checks are soft: they hold nothing; their rates stand in the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from pydantic import Field

from concord.contracts.odcs import Strict
from concord.contracts.yaml_lines import Document, parse
from concord.curation.running import UNBOUND
from concord.curation.sql_files import relations_read
from concord.deidentification.quiet import quietly
from concord.duck import one
from concord.exceptions import ConfigError
from concord.landing.history import CrossCheck

RESULT = [("found", "BIGINT"), ("compared", "BIGINT")]


class About(Strict):
    """What a check compares, and which share is to be expected."""

    title: str = Field(min_length=8)
    why: str = Field(min_length=8)
    feeds: tuple[str, str]
    expected: float = Field(gt=0, le=1)


@dataclass(frozen=True)
class Check:
    """A check: its name, query, description and what the query reads."""

    name: str
    path: Path
    sql: str
    about: About
    reads: frozenset[str]


@dataclass(frozen=True)
class Results:
    """What checks found, and which did not fit what the profile lets through."""

    found: tuple[CrossCheck, ...]
    skipped: tuple[str, ...]


def read_checks(folder: Path) -> tuple[Check, ...]:
    """Read every check of a folder.

    Raises:
        ConfigError: A file lacks its other half, isn't one SELECT, or reads anything
            but tables of its two feeds.
    """
    for path in sorted(folder.glob("*.yaml")):
        if not path.with_suffix(".sql").is_file():
            raise ConfigError(f"{path}: no query beside it. Add {path.stem}.sql")
    with duckdb.connect() as con:
        return tuple(_read(con, path) for path in sorted(folder.glob("*.sql")))


def _read(con: duckdb.DuckDBPyConnection, path: Path) -> Check:
    beside = path.with_suffix(".yaml")
    if not beside.is_file():
        raise ConfigError(f"{path}: not described. Add {beside.name}")
    about = parse(Document(beside), About)
    sql = path.read_text(encoding="utf-8")
    reads = relations_read(con, path, sql)
    strange = sorted(r for r in reads if r.partition("__")[0] not in about.feeds)
    if strange:
        raise ConfigError(
            f"{path}: reads {', '.join(strange)}, which is no table of "
            f"{' or '.join(about.feeds)}. Name the feeds, or correct the query"
        )
    return Check(path.stem, path, sql, about, reads)


def run_checks(
    con: duckdb.DuckDBPyConnection, checks: Sequence[Check], night: date
) -> Results:
    """Run checks over ``<feed>__<table>`` of the connection; counts only come out.

    Raises:
        ConfigError: A result isn't two counts in one row.
    """
    fitting = [check for check in checks if _fits(con, check)]
    return Results(
        tuple(_run(con, check, night) for check in fitting),
        tuple(check.name for check in checks if check not in fitting),
    )


def _fits(con: duckdb.DuckDBPyConnection, check: Check) -> bool:
    """Say whether the connection has what a check reads; a profile may drop it."""
    try:
        described = con.execute(f"DESCRIBE {check.sql}").fetchall()
    except UNBOUND:
        return False
    if [(name, kind) for name, kind, *_ in described] != RESULT:
        raise ConfigError(
            f"{check.path}: gives other columns than found and compared, both "
            "BIGINT. A check gives counts and nothing else"
        )
    return True


def _run(con: duckdb.DuckDBPyConnection, check: Check, night: date) -> CrossCheck:
    rows = f"SELECT count(*), min(found), min(compared) FROM ({check.sql})"
    count, found, compared = quietly(f"check {check.name}", one, con, rows)
    if count != 1 or not 0 <= found <= compared:
        raise ConfigError(
            f"{check.path}: gives {count} rows, or more found than compared. "
            "A check gives one row of two counts"
        )
    return CrossCheck(night, check.name, found, compared)
