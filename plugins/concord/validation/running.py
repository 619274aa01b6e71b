"""Running a compiled suite over a relation of the connection.

The relation should be a table, not a view that computes: one pass finds and counts
every failing row, but keys that must be unique and rules about the table as a whole
read their columns once more.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from concord.exceptions import SuiteError
from concord.validation.columns import identifier
from concord.validation.native import NativeOutcome, run_native
from concord.validation.results import (
    expectation_result,
    query_result,
    row_result,
    suite_result,
)
from concord.validation.rules import (
    CompiledSuite,
    NativeRule,
    QueryRule,
    RowRule,
    Rule,
    SuiteOutcome,
)
from concord.validation.scan import Found, Scan
from concord.validation.sql import arrow_of, relation_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from great_expectations.core import ExpectationValidationResult


def run(
    con: "DuckDBPyConnection",
    relation: str,
    compiled: CompiledSuite,
    row_column: str = "_row",
) -> SuiteOutcome:
    """Validate a table or view whose rows `row_column` numbers."""
    natives = run_native(con, relation, compiled, row_column)
    with _registered(con, natives) as tables:
        scan = Scan(compiled, relation, row_column, tables)
        _check_queries(con, scan)
        found = Found(scan, arrow_of(con, scan.sql, compiled.name))
    measured = _measure(con, relation, compiled)

    def result_of(rule: Rule) -> "ExpectationValidationResult":
        if isinstance(rule, RowRule):
            return row_result(rule, found.tally(rule))
        if isinstance(rule, QueryRule):
            return query_result(rule, found.returned(rule))
        if isinstance(rule, NativeRule):
            native = natives[rule.rule]
            return expectation_result(
                rule, success=native.success, result=native.counts
            )
        success, observed = measured[rule.rule]
        return expectation_result(
            rule, success=success, result={"observed_value": observed}
        )

    return SuiteOutcome(
        compiled=compiled,
        result=suite_result(compiled, [result_of(rule) for rule in compiled.rules]),
        failures=_stored(con, found),
        rule_counts=found.rule_counts,
        row_count=found.row_count,
        critical_row_count=found.critical_row_count,
    )


def _stored(con: "DuckDBPyConnection", found: Found) -> str:
    """Store the failures as a temporary table of the connection, and name it."""
    name = f"concord_failures_{uuid4().hex}"
    con.register(f"{name}_arrow", found.failures())
    try:
        con.execute(f"CREATE TEMP TABLE {name} AS FROM {name}_arrow")
    finally:
        con.unregister(f"{name}_arrow")
    return name


@contextmanager
def _registered(
    con: "DuckDBPyConnection", natives: Mapping[str, NativeOutcome]
) -> Iterator[dict[str, str]]:
    """Lend the connection the rows that GX itself found, as one table per rule."""
    import pyarrow as pa

    tables: dict[str, str] = {}
    try:
        for rule, outcome in natives.items():
            tables[rule] = f"concord_native_{uuid4().hex}"
            con.register(tables[rule], pa.table({"row": outcome.rows}))
        yield tables
    finally:
        for table in tables.values():
            con.unregister(table)


def _check_queries(con: "DuckDBPyConnection", scan: Scan) -> None:
    """Bind the suite's own queries one by one, so that an error names the rule."""
    for rule in scan.compiled.row_rules:
        query = scan.failing_rows(rule)
        if not isinstance(rule, QueryRule) or query is None:
            continue
        try:
            relation_of(con, query)
        except SuiteError as error:
            problem = str(error)
        else:
            continue
        raise SuiteError(
            f"suite [{scan.compiled.name}], rule [{rule.rule}]: the query must return "
            f"[{scan.row_column}] of the failing rows: {problem}"
        )


def _measure(
    con: "DuckDBPyConnection", relation: str, compiled: CompiledSuite
) -> dict[str, tuple[bool, float | None]]:
    """Evaluate the rules about the table as a whole in one query."""
    rules = compiled.table_rules
    if not rules:
        return {}
    aggregates = ", ".join(
        f"{rule.success} AS s{place}, {rule.observed or 'NULL'} AS o{place}"
        for place, rule in enumerate(rules)
    )
    # The count makes it an aggregate even where every rule is about the columns.
    query = f"SELECT count(*), {aggregates} FROM {identifier(relation)}"
    (found,) = arrow_of(con, query, compiled.name).to_pylist()
    return {
        rule.rule: (bool(found[f"s{place}"]), found[f"o{place}"])
        for place, rule in enumerate(rules)
    }
