"""A contract's rules and its suite, run over one table of a delivery."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from concord.contracts.models import Contract, Table
from concord.landing.records import RuleCount
from concord.parsing.casting import sql_types
from concord.validation import running, suites
from concord.validation.compiler import compile_suite
from concord.validation.contract_rules import contract_rules
from concord.validation.results import summary
from concord.validation.rules import CompiledSuite


class TableRules:
    """The compiled rules of a feed's tables for one night."""

    def __init__(self, contract: Contract, expectations: Path, night: date) -> None:
        self.contract = contract
        self.expectations = expectations
        self.night = night
        self._compiled: dict[str, CompiledSuite] = {}

    def of(self, table: Table) -> CompiledSuite:
        """Return a table's rules, compiled once."""
        if table.name not in self._compiled:
            self._compiled[table.name] = self._compile(table)
        return self._compiled[table.name]

    def _compile(self, table: Table) -> CompiledSuite:
        """Return a table's rules: what the contract says, then what the suite adds."""
        path = self.expectations / self.contract.id / f"{table.name}.json"
        name = f"{self.contract.id}.{table.name}"
        suite = suites.merge(
            name,
            suites.build(name, contract_rules(table, self.night)),
            suites.load_suite(path),
        )
        return compile_suite(suite, {**sql_types(table), "_row": "BIGINT"})


@dataclass
class RowChecks:
    """What the rules found: ``failures`` is a table (_row, rule) of critical ones."""

    failures: str
    counts: list[RuleCount]
    broken_tables: list[str]
    overridden: int = 0


def check_rows(
    con: duckdb.DuckDBPyConnection, rules: TableRules, table: Table, candidates: str
) -> RowChecks:
    """Run a table's rules in one pass over its candidate rows."""
    compiled = rules.of(table)
    outcome = running.run(con, candidates, compiled)
    failures = f"failures_{table.name}"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {failures} (_row BIGINT, rule VARCHAR)")
    con.execute(f"INSERT INTO {failures} {outcome.failing_rows('critical')}")
    results = summary(outcome)
    counts = [
        RuleCount(
            table_name=table.name,
            rule=r.rule,
            severity=r.severity,
            columns=", ".join(r.columns),
            elements=r.element_count,
            missing=r.missing_count,
            unexpected=r.unexpected_count,
        )
        for r in results
    ]
    broken = [
        r.rule
        for r in results
        if r.level == "table" and not r.success and r.severity == "critical"
    ]
    return RowChecks(failures, counts, broken)
