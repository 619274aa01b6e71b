"""Check and split: one feed's landed deliveries into a new state, or a hold.

The order of a table's rows through this step:

    received = rejected (no valid form) + quarantined (broke a critical rule)
             + superseded (an older row of the same key) + published
"""

from dataclasses import dataclass, field

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, quoted
from concord.exceptions import DeliveryHeld
from concord.landing.history import ColumnProfile
from concord.landing.records import Delivery, RuleCount, TableCount
from concord.parsing.loading import Loaded, TypeFaults
from concord.validation import doubts
from concord.validation.brakes import Brakes
from concord.validation.clock_changes import doubtful_times
from concord.validation.deletions import make_out_deletions
from concord.validation.duplicates import conflicts, leave_out_superseded
from concord.validation.landed_tables import LandedTables
from concord.validation.overriding import RowNames, check_rules_exist, let_through
from concord.validation.references import in_dependency_order, orphans
from concord.validation.row_checks import RowChecks, TableRules, check_rows
from concord.validation.splitting import is_deletion
from concord.validation.states import Outcome


@dataclass
class CheckedTable:
    """One table of a delivery after its checks; relations live in DuckDB."""

    table: Table
    loaded: Loaded
    accepted: str
    upserts: str
    counts: TableCount
    rules: list[RuleCount]
    failed: str
    overridden: int


@dataclass
class CheckedDelivery:
    """A whole delivery after its checks."""

    delivery: Delivery
    whole: bool
    tables: dict[str, CheckedTable] = field(default_factory=dict)
    profiles: list[ColumnProfile] = field(default_factory=list)
    extra_rules: list[RuleCount] = field(default_factory=list)

    @property
    def counts(self) -> list[TableCount]:
        """Return what became of the rows, by table."""
        return [checked.counts for checked in self.tables.values()]

    @property
    def rules(self) -> list[RuleCount]:
        """Return how many rows broke each rule."""
        found = [rule for checked in self.tables.values() for rule in checked.rules]
        return found + self.extra_rules

    @property
    def outcome(self) -> Outcome:
        """Return what became of the rows, as a state keeps it."""
        return Outcome(
            tables=tuple(self.counts),
            rules=tuple(self.rules),
            profiles=tuple(self.profiles),
        )


class DeliveryChecker:
    """Checks one delivery in one DuckDB connection."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        contract: Contract,
        rules: TableRules,
        landed: LandedTables,
        brakes: Brakes,
        names: RowNames,
    ) -> None:
        self.con = con
        self.contract = contract
        self.rules = rules
        self.landed = landed
        self.brakes = brakes
        self.names = names

    def check(self, checked: CheckedDelivery) -> None:
        """Check every table; raises DeliveryHeld where the delivery is in doubt."""
        delivery = checked.delivery
        for table in in_dependency_order(self.contract):
            loaded = self.landed.load(delivery, table)
            if table.deletes is not None:
                make_out_deletions(self.con, self.contract, table)
            checked.tables[table.name] = self._check_table(table, loaded, checked.whole)
        rows = {name: one.loaded.relation for name, one in checked.tables.items()}
        doubts.hold_if_mixed(self.con, self.contract, rows)
        doubts.hold_if_too_bad(self.contract, checked.counts, self.brakes)

    def _check_table(self, table: Table, loaded: Loaded, whole: bool) -> CheckedTable:
        con, name = self.con, table.name
        candidates = f"candidates_{name}"
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {candidates} AS "
            f"SELECT * EXCLUDE (_rejected) FROM {loaded.relation} WHERE NOT _rejected"
        )
        judged = self._judge(table, candidates)
        doubts.hold_if_from_elsewhere(self.contract.id, table, judged.counts)
        for rule in judged.broken_tables:
            raise self._held(
                "TABLE_RULE_BROKEN",
                f"{name}: rule '{rule}' does not hold",
                "See the rule's reason in expectations/, then decide",
            )
        rules = [_type_rule(name, loaded, t) for t in loaded.types if t.faults]
        rules += _file_notes(name, loaded)
        doubtful = doubtful_times(con, self.contract, table, candidates)
        rules += [rule for rule in doubtful if rule.unexpected]
        doubts.hold_if_unknown(self.contract, table, judged.counts, self.brakes)
        rules += judged.counts
        return self._accept(table, loaded, candidates, judged, rules, whole)

    def _judge(self, table: Table, candidates: str) -> RowChecks:
        """Run every rule about a table's rows; overrides already let rows through."""
        judged = check_rows(self.con, self.rules, table, candidates)
        for column in table.columns:
            if column.references:
                found, relation = self._orphans(table, candidates, column.name)
                judged.counts.append(found)
                if relation:
                    self.con.execute(
                        f"INSERT INTO {judged.failures} SELECT _row, '{found.rule}' "
                        f"FROM {relation}"
                    )
        self._spare_deletions(table, candidates, judged)
        overrides = self.brakes.decisions.overrides_of(table.name, self.brakes.night)
        known = [rule.rule for rule in judged.counts]
        check_rules_exist(self.contract.id, table.name, overrides, known)
        judged.overridden = let_through(
            self.con, table, candidates, judged.failures, overrides, self.names
        )
        return judged

    def _spare_deletions(
        self, table: Table, candidates: str, judged: RowChecks
    ) -> None:
        """Let a deletion through whatever else is wrong with the row, but its key."""
        marked = is_deletion(table)
        if marked == "(FALSE)":
            return
        needed = {c.name for c in table.columns if c.agency_codes} | {
            c.name for c in table.key
        }
        spared = [
            r.rule for r in judged.counts if not needed & set(r.columns.split(", "))
        ]
        self.con.execute(
            f"DELETE FROM {judged.failures} WHERE rule IN ? AND _row IN "
            f"(SELECT _row FROM {candidates} WHERE {marked})",
            [spared],
        )

    def recheck(self, table: Table, candidates: str) -> str:
        """Check rows again that waited in quarantine; returns the failures' relation.

        What passes is accepted as if it had come in a delivery of its own.
        """
        judged = self._judge(table, candidates)
        if table.deletes is not None:
            self.con.execute(f"DELETE FROM deleted_{table.name}")
        self._accept_rows(table, candidates, judged.failures, whole=False)
        return judged.failures

    def _orphans(
        self, table: Table, candidates: str, name: str
    ) -> tuple[RuleCount, str | None]:
        column = table.column(name)
        assert column.references is not None
        parent = column.references.split(".")[0]
        source = f"(FROM {candidates} WHERE NOT {is_deletion(table)})"
        known = f"known_{parent}"
        if parent == table.name or column.references != self._key_reference(parent):
            known = self._known_values(column.references)
        found = orphans(self.con, table, column, source, known)
        count_ = RuleCount(
            table.name,
            found.rule,
            "critical" if found.required else "warning",
            found.column,
            found.elements,
            found.missing,
            found.unexpected,
        )
        return count_, found.relation if found.required else None

    def _key_reference(self, parent: str) -> str:
        return f"{parent}.{self.contract.table(parent).key[0].name}"

    def _known_values(self, reference: str) -> str:
        """Return known values of a referenced column that is not its table's key."""
        parent, column = reference.split(".")
        return (
            f"(SELECT {quoted(column)} AS original FROM accepted_{parent} UNION ALL "
            f"SELECT {quoted(column)} FROM previous_{parent})"
        )

    def _accept(
        self,
        table: Table,
        loaded: Loaded,
        candidates: str,
        judged: RowChecks,
        rules: list[RuleCount],
        whole: bool,
    ) -> CheckedTable:
        con, name = self.con, table.name
        failed = self._set_aside(table, loaded, candidates, judged.failures)
        published = self._accept_rows(table, candidates, judged.failures, whole)
        found = conflicts(con, table, candidates, judged.failures)
        if found.unexpected and self.contract.delivery.conflicting_rows == "hold":
            raise self._held(
                "CONFLICTING_ROWS",
                f"{name}: {found.unexpected} rows share a key with another row that "
                "differs",
                "Ask the agency which of them is right",
            )
        rules = [*rules, found] if found.unexpected else rules
        quarantined = count(con, f"(FROM {failed} WHERE NOT _rejected)")
        rejected = loaded.rejected + loaded.unreadable
        counts = TableCount(
            table_name=name,
            received=loaded.received,
            published=published,
            quarantined=quarantined,
            rejected=rejected,
            superseded=loaded.received - rejected - quarantined - published,
            deleted=published - count(con, f"upserts_{name}"),
        )
        return CheckedTable(
            table,
            loaded,
            f"accepted_{name}",
            f"upserts_{name}",
            counts,
            rules,
            failed,
            judged.overridden,
        )

    def _set_aside(
        self, table: Table, loaded: Loaded, candidates: str, failures: str
    ) -> str:
        """Make ``failed_<table>``: every row that failed, with the rules it broke.

        A rejected row lacks the values that were not of their type.
        """
        failed = f"failed_{table.name}"
        typed = ", ".join(
            f"CASE WHEN {quoted(t.column)} IS NULL THEN 'type:{t.column}' END"
            for t in loaded.types
            if t.faults and (t.required or table.column(t.column).tells_deletion)
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {failed} AS "
            f"SELECT c.*, FALSE AS _rejected, f.rules FROM {candidates} AS c "
            f"JOIN (SELECT _row, list(DISTINCT rule ORDER BY rule) AS rules "
            f"FROM {failures} GROUP BY _row) AS f USING (_row) UNION ALL BY NAME "
            f"SELECT *, list_filter([{typed}]::VARCHAR[], "
            f"lambda r: r IS NOT NULL) AS rules FROM {loaded.relation} WHERE _rejected"
        )
        return failed

    def _accept_rows(
        self, table: Table, candidates: str, failures: str, whole: bool
    ) -> int:
        """Make ``accepted_<table>`` and ``upserts_<table>``; returns how many rows."""
        con, name = self.con, table.name
        leave_out_superseded(con, table, candidates, failures)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE left_out_{name} AS SELECT _row FROM "
            f"{failures} UNION FROM superseded_{name}"
        )
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW accepted_{name} AS "
            f"FROM {candidates} ANTI JOIN left_out_{name} USING (_row)"
        )
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW upserts_{name} AS FROM accepted_{name} "
            f"WHERE NOT {is_deletion(table)}"
        )
        self._remember_keys(table, whole)
        return count(con, f"accepted_{name}")

    def _remember_keys(self, table: Table, whole: bool) -> None:
        """Make ``known_<table>``: the keys that exist once this delivery is applied."""
        if not self._is_referred_to(table):
            return
        key = quoted(table.key[0].name)
        known = f"SELECT {key} AS original FROM upserts_{table.name}"
        if not whole:
            gone = f"SELECT {key} FROM accepted_{table.name}"
            if table.deletes is not None:
                gone += f" UNION ALL SELECT {key} FROM deleted_{table.name}"
            known += (
                f" UNION ALL SELECT original FROM previous_keys_{table.name} "
                f"WHERE original NOT IN ({gone})"
            )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE known_{table.name} AS "
            f"SELECT DISTINCT original FROM ({known}) WHERE original IS NOT NULL"
        )

    def _is_referred_to(self, table: Table) -> bool:
        """Say whether a column of the contract refers to the table."""
        return any(
            column.references and column.references.startswith(f"{table.name}.")
            for other in self.contract.tables
            for column in other.columns
        )

    def _held(self, code: str, detail: str, remedy: str) -> DeliveryHeld:
        return DeliveryHeld(code, feed=self.contract.id, detail=detail, remedy=remedy)


def _type_rule(table: str, loaded: Loaded, fault: TypeFaults) -> RuleCount:
    return RuleCount(
        table_name=table,
        rule=f"type:{fault.column}",
        severity="critical" if fault.required else "warning",
        columns=fault.column,
        elements=loaded.received,
        missing=0,
        unexpected=fault.faults,
    )


def _file_notes(table: str, loaded: Loaded) -> list[RuleCount]:
    """Tell what was accepted in a table's files though it is not as agreed."""
    return [
        RuleCount(table, f"file:{kind}", "warning", "", loaded.received, 0, found)
        for kind, found in sorted(loaded.notes.items())
    ]
