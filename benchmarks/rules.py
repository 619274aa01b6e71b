"""A table's row rules for the contenders that don't use Concord's compiler.

They are what the contract and the suite of the table say, written as an engineer
would by hand: one SQL condition, or one pandas mask, that is true of a bad row.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.served import NIGHT
from concord.contracts.models import Column, Table
from concord.validation.contract_rules import contract_rules


@dataclass(frozen=True)
class Rule:
    """One rule about rows."""

    name: str
    kind: str
    severity: str
    kwargs: dict[str, Any]

    @property
    def critical(self) -> bool:
        """Say whether a row that breaks it is left out."""
        return self.severity == "critical"


def row_rules(table: Table, expectations: Path, feed: str) -> list[Rule]:
    """Return the rules about rows: the contract's, then the suite's."""
    suite = json.loads((expectations / feed / f"{table.name}.json").read_bytes())
    stated = [*contract_rules(table, NIGHT), *suite["expectations"]]
    return [
        Rule(e["meta"]["rule"], e["type"], e["severity"], dict(e["kwargs"]))
        for e in stated
        if not e["type"].startswith("expect_table_")
    ]


def bad_row_sql(rule: Rule, table: Table) -> str:
    """Return an SQL condition that is true of rows that break a rule."""
    arguments = rule.kwargs
    name = f'"{arguments.get("column", "")}"'
    match rule.kind:
        case "expect_column_values_to_not_be_null":
            return f"{name} IS NULL"
        case "expect_column_values_to_match_regex":
            return f"NOT regexp_matches({name}, {_text(arguments['regex'])})"
        case "expect_column_values_to_not_match_regex":
            return f"regexp_matches({name}, {_text(arguments['regex'])})"
        case "expect_column_values_to_be_in_set":
            return f"{name} NOT IN ({', '.join(map(_text, arguments['value_set']))})"
        case "expect_column_value_lengths_to_be_between":
            return " OR ".join(_outside(f"length({name})", arguments, str))
        case "expect_column_values_to_be_between":
            quoted = _number if _is_number(table, arguments) else _text
            return " OR ".join(_outside(name, arguments, quoted))
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return f'"{arguments["column_A"]}" < "{arguments["column_B"]}"'
        case "unexpected_rows_expectation":
            return str(arguments["unexpected_rows_query"]).split("WHERE", 1)[1].strip()
    raise ValueError(f"rule {rule.name}: no SQL for {rule.kind}")


def _outside(value: str, arguments: dict[str, Any], written: Any) -> Iterator[str]:
    if "min_value" in arguments:
        yield f"{value} < {written(arguments['min_value'])}"
    if "max_value" in arguments:
        yield f"{value} > {written(arguments['max_value'])}"


def _is_number(table: Table, arguments: dict[str, Any]) -> bool:
    return table.column(arguments["column"]).type in ("integer", "number")


def _number(value: Any) -> str:
    return str(value)


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def references(table: Table) -> list[Column]:
    """Return the columns that point to another table."""
    return [column for column in table.columns if column.references]
