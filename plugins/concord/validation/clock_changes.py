"""Local times that a clock change makes doubtful: counted, never shifted.

In the night in which clocks go back an hour happens twice; in the one in which they go
forward an hour does not happen. A time without offset inside either is kept as it was
written and counted under ``clock:<column>``.
"""

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import literal, one, quoted
from concord.landing.records import RuleCount


def doubtful_times(
    con: duckdb.DuckDBPyConnection, contract: Contract, table: Table, source: str
) -> list[RuleCount]:
    """Count, for every column of moments, those that a clock change makes doubtful."""
    found = []
    for column in table.columns:
        if column.type == "timestamp" and column.concept.zone != "discard":
            name = quoted(column.name)
            rows, present, first, last = one(
                con,
                f"SELECT count(*), count({name}), min(CAST({name} AS DATE)), "
                f"max(CAST({name} AS DATE)) FROM {source}",
            )
            days = _days(contract.timezone, first, last) if present else ()
            doubtful = _count(con, contract.timezone, source, name, days)
            rule = f"clock:{column.name}"
            found.append(
                RuleCount(
                    table.name,
                    rule,
                    "warning",
                    column.name,
                    rows,
                    rows - present,
                    doubtful,
                )
            )
    return found


def _count(
    con: duckdb.DuckDBPyConnection,
    zone: str,
    source: str,
    name: str,
    days: tuple[date, ...],
) -> int:
    """Count moments that do not come back from UTC, or come back from two of its."""
    if not days:
        return 0
    listed = ", ".join(f"DATE '{day}'" for day in days)
    there = f"timezone({literal(zone)}, {name})"

    def back(shift: str) -> str:
        return f"timezone({literal(zone)}, {there} {shift})"

    doubtful = " OR ".join(
        [f"{back('')} <> {name}"]
        + [
            f"{back(f'{sign} INTERVAL {minutes} MINUTE')} = {name}"
            for sign in "+-"
            for minutes in (30, 60)
        ]
    )
    query = f"SELECT count(*) FROM {source} WHERE CAST({name} AS DATE) IN ({listed})"
    return int(one(con, f"{query} AND ({doubtful})")[0])


def _days(zone: str, first: date, last: date) -> tuple[date, ...]:
    """Return the days within which the clocks of a zone change."""
    years = range(max(first.year, 1970), min(last.year, 2100) + 1)
    return tuple(day for year in years for day in _days_of(zone, year))


@cache
def _days_of(zone: str, year: int) -> tuple[date, ...]:
    clock = ZoneInfo(zone)
    day, found = date(year, 1, 1), []
    while day.year == year:
        here = datetime.combine(day, time(), clock).utcoffset()
        after = datetime.combine(day + timedelta(1), time(), clock).utcoffset()
        if here != after:
            found.append(day)
        day += timedelta(1)
    return tuple(found)
