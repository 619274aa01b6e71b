"""The one query over a relation: its SQL, and reading what it found.

Rows that fail any rule get a mask with one bit per rule and are grouped by it; what
each rule saw and judged is counted beside them. The few groups hold every count and the
numbers of the rows that failed; no value of the data leaves the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from concord.validation.columns import identifier
from concord.validation.results import Tally
from concord.validation.rules import (
    AboutRows,
    CompiledSuite,
    NativeRule,
    QueryRule,
    RowRule,
)

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = 64  # rules that the mask holds in one UBIGINT


@dataclass(frozen=True)
class Scan:
    """A suite's rules about rows, as one query over a relation.

    `native_tables` names, by rule, the tables of rows that GX itself found.
    """

    compiled: CompiledSuite
    relation: str
    row_column: str
    native_tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """Names of the columns that together are the mask."""
        return [f"w{word}" for word in range(-(-len(self.compiled.row_rules) // _WORD))]

    @property
    def counters(self) -> dict[str, str]:
        """Conditions whose rows are counted, each once, with the counts' names."""
        conditions = dict.fromkeys(
            sql
            for rule in self.compiled.row_rules
            if isinstance(rule, RowRule)
            for sql in (rule.scope, rule.judged)
        )
        return {sql: f"n{place}" for place, sql in enumerate(conditions)}

    @property
    def sql(self) -> str:
        """Write the query: rows that a query finds, then counts, then failing rows."""
        row, relation = identifier(self.row_column), identifier(self.relation)
        rules = list(enumerate(self.compiled.row_rules))
        queries = {
            f"concord_rule_{bit}": rows
            for bit, rule in rules
            if (rows := self.failing_rows(rule)) is not None
        }
        defined = "".join(
            f"{name} AS MATERIALIZED ({rows}\n), " for name, rows in queries.items()
        )
        returned = "".join(
            f", (SELECT count(*) FROM {name}) AS {name}" for name in queries
        )
        # Counting a CASE takes DuckDB two thirds of the time of count_if.
        counts = "".join(
            f", count(CASE WHEN {sql} THEN 1 END) AS {name}"
            for sql, name in self.counters.items()
        )
        words = "".join(f", {word}" for word in self.words)
        masks = "".join(
            f", {self._mask(place)} AS {word}" for place, word in enumerate(self.words)
        )
        failing = " OR ".join(f"({self._fails(bit, rule)})" for bit, rule in rules)
        # The left join gives a row even where none failed.
        return f"""
            WITH {defined}seen AS (
                SELECT count(*) AS n{counts}{returned} FROM {relation}
            ),
            failed AS (
                SELECT count(*) AS failing, list("row") AS rows{words}
                FROM (
                    SELECT {row} AS "row"{masks} FROM {relation}
                    WHERE {failing or "FALSE"}
                )
                GROUP BY ALL
            )
            SELECT * FROM seen LEFT JOIN failed ON TRUE
        """

    def failing_rows(self, rule: AboutRows) -> str | None:
        """Write the query for the rows that fail, where no predicate can tell."""
        row, relation = identifier(self.row_column), identifier(self.relation)
        if isinstance(rule, NativeRule):
            return f'SELECT "row" FROM {identifier(self.native_tables[rule.rule])}'
        if isinstance(rule, QueryRule):
            query = rule.query.format(batch=relation)
            return f'SELECT {row} AS "row" FROM ({query}\n)'
        if rule.keys:
            return (
                f'SELECT {row} AS "row" FROM {relation} WHERE {rule.judged} '
                f"QUALIFY count(*) OVER (PARTITION BY {', '.join(rule.keys)}) > 1"
            )
        return None

    def _mask(self, word: int) -> str:
        """Write one word of the mask: a bit for each rule that the row fails."""
        first = word * _WORD
        rules = self.compiled.row_rules[first : first + _WORD]
        return " | ".join(
            f"CASE WHEN {self._fails(first + bit, rule)} THEN {1 << bit}::UBIGINT "
            f"ELSE 0::UBIGINT END"
            for bit, rule in enumerate(rules)
        )

    def _fails(self, bit: int, rule: AboutRows) -> str:
        """Write when a row fails: it is judged, and not known to be fine."""
        if not isinstance(rule, RowRule) or rule.keys:
            failing = f'SELECT "row" FROM concord_rule_{bit} WHERE "row" IS NOT NULL'
            return f"{identifier(self.row_column)} IN ({failing})"
        fails = f"({rule.predicate}) IS NOT TRUE"
        return fails if rule.judged == "TRUE" else f"({rule.judged}) AND {fails}"


@dataclass(frozen=True)
class Found:
    """What a scan found: groups of rows that failed the same rules."""

    scan: Scan
    groups: "pa.Table"
    _counts: list[dict[str, Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the groups' counts; their row numbers stay in Arrow."""
        counts = self.groups.drop_columns(["rows"]).to_pylist()
        object.__setattr__(self, "_counts", counts)

    @property
    def row_count(self) -> int:
        """Rows of the relation."""
        return int(self._counts[0]["n"])

    @property
    def rule_counts(self) -> dict[str, int]:
        """Failing rows of each rule about rows."""
        return {
            rule.rule: sum(
                group["failing"] for group in self._counts if self._failed(group, bit)
            )
            for bit, rule in enumerate(self.scan.compiled.row_rules)
        }

    def tally(self, rule: RowRule) -> Tally:
        """Count the rows that a rule saw, judged and failed."""
        counters, seen = self.scan.counters, self._counts[0]
        return Tally(
            elements=seen[counters[rule.scope]],
            judged=seen[counters[rule.judged]],
            unexpected=self.rule_counts[rule.rule],
        )

    def returned(self, rule: QueryRule) -> int:
        """Count what a rule's own query returned."""
        bit = self.scan.compiled.row_rules.index(rule)
        return int(self._counts[0][f"concord_rule_{bit}"])

    @property
    def critical_row_count(self) -> int:
        """Rows that failed a critical rule."""
        return sum(
            group["failing"]
            for group in self._counts
            if any(rule.severity == "critical" for rule in self._rules(group))
        )

    def failures(self) -> "pa.Table":
        """List each failing row with each rule that it failed."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = self.groups["rows"].combine_chunks()
        failed = [self._rules(group) for group in self._counts]
        # Row by row first, each with its group's rules; then rule by rule.
        group = pc.list_parent_indices(rows)
        ids = pa.array(
            [[rule.rule for rule in rules] for rules in failed], pa.list_(pa.string())
        ).take(group)
        severities = pa.array(
            [[rule.severity for rule in rules] for rules in failed],
            pa.list_(pa.string()),
        ).take(group)
        return pa.table(
            {
                self.scan.row_column: pc.list_flatten(rows).take(
                    pc.list_parent_indices(ids)
                ),
                "rule": pc.list_flatten(ids),
                "severity": pc.list_flatten(severities),
            }
        )

    def _rules(self, group: dict[str, Any]) -> list[AboutRows]:
        """Name the rules that a group's rows failed."""
        return [
            rule
            for bit, rule in enumerate(self.scan.compiled.row_rules)
            if self._failed(group, bit)
        ]

    def _failed(self, group: dict[str, Any], bit: int) -> bool:
        """Tell whether a group's rows failed the rule of a bit."""
        return bool((group[f"w{bit // _WORD}"] or 0) >> bit % _WORD & 1)
