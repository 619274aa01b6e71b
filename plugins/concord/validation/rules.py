"""What a suite compiles to, and what running it gives: plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One expectation of a suite; `expectation` is its GX configuration as JSON."""

    rule: str
    kind: str
    columns: tuple[str, ...]
    severity: Severity
    expectation: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """Judges each row by itself, or by the rows that share its keys.

    `scope` selects the rows the row condition asks for, `judged` those of them whose
    values are present enough to be judged; both are SQL that is never NULL. A judged
    row is fine when `predicate` is TRUE or, where `keys` are given, when no other
    judged row has the same keys.
    """

    predicate: str
    scope: str = "TRUE"
    judged: str = "TRUE"
    keys: tuple[str, ...] = ()
    reports_missing: bool = True
    mostly: float = 1.0


@dataclass(frozen=True, kw_only=True)
class QueryRule(Rule):
    """Judges rows by a query of the suite's own: what it returns has failed."""

    query: str


@dataclass(frozen=True, kw_only=True)
class TableRule(Rule):
    """Judges the table as a whole: SQL aggregates for success and a harmless count."""

    success: str
    observed: str | None = None


@dataclass(frozen=True, kw_only=True)
class NativeRule(Rule):
    """A kind that is not compiled: GX itself runs it over the columns it needs."""

    judges_rows: bool


AboutRows = RowRule | QueryRule | NativeRule


@dataclass(frozen=True)
class CompiledSuite:
    """A suite compiled for one table's columns; rules keep the suite's order."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def row_rules(self) -> tuple[AboutRows, ...]:
        """Rules that name failing rows; a rule's place here is its bit in the mask."""
        return tuple(
            rule
            for rule in self.rules
            if isinstance(rule, RowRule | QueryRule)
            or (isinstance(rule, NativeRule) and rule.judges_rows)
        )

    @property
    def native(self) -> tuple[NativeRule, ...]:
        """Rules that GX itself has to run."""
        return tuple(rule for rule in self.rules if isinstance(rule, NativeRule))

    @property
    def table_rules(self) -> tuple[TableRule, ...]:
        """Rules about the table as a whole."""
        return tuple(rule for rule in self.rules if isinstance(rule, TableRule))


@dataclass(frozen=True)
class SuiteOutcome:
    """What running a suite gave; `result` is GX's own object and holds no value.

    `failures` names a temporary table of the connection with a row for each failing
    row and rule: the row number under the row column's name, `rule` and `severity`.
    A failing row is listed whatever the rule's `mostly` allows.
    """

    compiled: CompiledSuite
    result: "ExpectationSuiteValidationResult"
    failures: str
    rule_counts: Mapping[str, int]
    row_count: int
    critical_row_count: int

    @property
    def success(self) -> bool:
        """Whether every expectation held, as GX counts it."""
        return bool(self.result.success)

    def failing_rows(self, severity: Severity) -> str:
        """Write the query for row numbers and rules of one severity."""
        return (
            f"SELECT * EXCLUDE (severity) FROM {self.failures} "
            f"WHERE severity = '{severity}'"
        )


@dataclass(frozen=True)
class RuleResult:
    """What may be told about one rule: an allow-list, never a value of the data.

    A rule about the table as a whole counts one element, the table; only a count or
    a proportion is ever observed.
    """

    rule: str
    why: str
    type: str
    level: Literal["row", "table"]
    columns: tuple[str, ...]
    severity: Severity
    success: bool
    element_count: int
    missing_count: int
    unexpected_count: int
    unexpected_percent: float | None
    observed_value: float | None
