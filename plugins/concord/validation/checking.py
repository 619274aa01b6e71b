"""Check and split: one feed's landed deliveries into a new state, or a hold.

The order of a table's rows through this step:

    received = rejected (no valid form) + quarantined (broke a critical rule)
             + superseded (an older row of the same key) + published
"""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from concord.contracts.models import Contract, Table
from concord.duck import count, fetch, quoted
from concord.exceptions import DeliveryHeld
from concord.landing.archive import Archive
from concord.landing.receipts import Receipt, ReceiptPart
from concord.landing.records import Delivery, RuleCount, TableCount
from concord.landing.unpacking import unpack
from concord.parsing.key_changes import load_key_changes
from concord.parsing.loading import Loaded, TypeFaults, load, load_deletes
from concord.validation.references import in_dependency_order, orphans
from concord.validation.row_checks import TableRules, check_rows


@dataclass
class CheckedTable:
    """One table of a delivery after its checks; relations live in DuckDB."""

    table: Table
    loaded: Loaded
    accepted: str
    upserts: str
    counts: TableCount
    rules: list[RuleCount]
    failed: pa.Table


@dataclass
class CheckedDelivery:
    """A whole delivery after its checks."""

    delivery: Delivery
    whole: bool
    tables: dict[str, CheckedTable] = field(default_factory=dict)

    @property
    def counts(self) -> list[TableCount]:
        """Return what became of the rows, by table."""
        return [checked.counts for checked in self.tables.values()]

    @property
    def rules(self) -> list[RuleCount]:
        """Return how many rows broke each rule."""
        return [rule for checked in self.tables.values() for rule in checked.rules]


class DeliveryChecker:
    """Checks one delivery in one DuckDB connection."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        contract: Contract,
        rules: TableRules,
        archive: Archive,
        workspace: Path,
    ) -> None:
        self.con = con
        self.contract = contract
        self.rules = rules
        self.archive = archive
        self.workspace = workspace

    def check(self, checked: CheckedDelivery) -> None:
        """Check every table; raises DeliveryHeld where the delivery is in doubt."""
        delivery = checked.delivery
        receipt = self.archive.receipt(delivery)
        for table in in_dependency_order(self.contract):
            loaded = self._load(delivery, receipt, table)
            checked.tables[table.name] = self._check_table(table, loaded, checked.whole)
        self._hold_if_too_bad(checked)

    def _load(self, delivery: Delivery, receipt: Receipt, table: Table) -> Loaded:
        suffix = f".{self.contract.delivery.format}"
        parts = receipt.of(table.source, "rows")
        files = self._open(delivery, parts, table, suffix)
        loaded = load(self.con, self.contract, table, files)
        expected = receipt.rows_expected.get(table.source, loaded.records)
        if loaded.records != expected:
            raise self._held(
                "ROW_COUNT_MISMATCH",
                f"{table.name}: {loaded.records} rows read, {expected} announced",
                "Ask the agency to send the delivery again",
            )
        for column in loaded.types:
            if column.required and loaded.received and column.present == 0:
                raise self._held(
                    "COLUMN_MISSING",
                    f"{table.name}: required column '{column.column}' is empty in all "
                    f"{loaded.received} rows",
                    "If it was renamed, state the new name in the contract",
                )
        if table.deletes is not None:
            parts = receipt.of(table.source, "deletes")
            files = self._open(delivery, parts, table, suffix)
            deleted = load_deletes(self.con, self.contract, table, files)
            self._hold_without_keys(table, deleted, list(table.deletes.key))
        for path in self.workspace.glob(f"*{suffix}"):
            path.unlink()
        return loaded

    def _open(
        self,
        delivery: Delivery,
        parts: tuple[ReceiptPart, ...],
        table: Table,
        suffix: str,
    ) -> list[Path]:
        """Open parts of a table as plain files, unpacked where the contract says so."""
        agreed = self.contract.delivery
        if agreed.packing is None:
            return self.archive.open_parts(delivery, parts, self.workspace, suffix)
        files = []
        for packed in self.archive.open_parts(delivery, parts, self.workspace, ".pack"):
            plain = unpack(
                packed,
                packed.with_suffix(suffix),
                agreed.packing,
                feed=self.contract.id,
                table=table.name,
                member=table.member,
                max_bytes=agreed.max_unpacked_bytes,
            )
            packed.unlink()
            files.append(plain)
        return files

    def load_key_changes(self, delivery: Delivery) -> None:
        """Read the key changes of a delivery into ``changed_<table>``."""
        receipt = self.archive.receipt(delivery)
        suffix = f".{self.contract.delivery.format}"
        for table in self.contract.tables:
            if table.key_changes is None:
                continue
            parts = receipt.of(table.source, "key_changes")
            files = self._open(delivery, parts, table, suffix)
            ndjson = self.contract.delivery.format == "ndjson"
            changed = load_key_changes(self.con, table, files, ndjson)
            for side in ("old", "new"):
                names = [f"{side}_{column.name}" for column in table.key]
                self._hold_without_keys(table, changed, names)
            for path in files:
                path.unlink()

    def _hold_without_keys(self, table: Table, relation: str, names: list[str]) -> None:
        """Hold a delivery whose notices do not say which row they are about."""
        absent = " OR ".join(f"{quoted(name)} IS NULL" for name in names)
        found = count(self.con, f"(FROM {relation} WHERE {absent})")
        if found:
            raise self._held(
                "NOTICE_WITHOUT_KEY",
                f"{table.name}: deletions or key changes without the contract's key",
                "Ask the agency for keys in its notices, or correct their path",
            )

    def _check_table(self, table: Table, loaded: Loaded, whole: bool) -> CheckedTable:
        con, name = self.con, table.name
        candidates = f"candidates_{name}"
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {candidates} AS "
            f"SELECT * EXCLUDE (_rejected) FROM {loaded.relation} WHERE NOT _rejected"
        )
        outcome = check_rows(con, self.rules, table, candidates)
        for rule in outcome.broken_tables:
            raise self._held(
                "TABLE_RULE_BROKEN",
                f"{name}: rule '{rule}' does not hold",
                "See the rule's reason in expectations/, then decide",
            )
        rules = [_type_rule(name, loaded, t) for t in loaded.types if t.faults]
        rules += _file_notes(name, loaded)
        rules += outcome.counts
        failures = outcome.failures
        for column in table.columns:
            if column.references:
                found = self._orphans(table, candidates, column.name)
                rules.append(found[0])
                if found[1]:
                    con.execute(
                        f"INSERT INTO {failures} SELECT _row, '{found[0].rule}' "
                        f"FROM {found[1]}"
                    )
        return self._accept(table, loaded, candidates, failures, rules, whole)

    def _orphans(
        self, table: Table, candidates: str, name: str
    ) -> tuple[RuleCount, str | None]:
        column = table.column(name)
        assert column.references is not None
        parent = column.references.split(".")[0]
        source = f"(FROM {candidates} WHERE {_is_upsert(table)})"
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
        failures: str,
        rules: list[RuleCount],
        whole: bool,
    ) -> CheckedTable:
        con, name = self.con, table.name
        failed = fetch(
            con,
            f"SELECT c.*, f.rules FROM {candidates} AS c JOIN (SELECT _row, "
            f"list(DISTINCT rule ORDER BY rule) AS rules FROM {failures} "
            "GROUP BY _row) AS f USING (_row) ORDER BY _row",
        )
        self._leave_out_superseded(table, candidates, failures)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE accepted_{name} AS SELECT * FROM "
            f"{candidates} WHERE _row NOT IN (SELECT _row FROM {failures}) "
            f"AND _row NOT IN (FROM superseded_{name})"
        )
        upserts = f"upserts_{name}"
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {upserts} AS FROM accepted_{name} "
            f"WHERE {_is_upsert(table)}"
        )
        self._remember_keys(table, whole)
        published = count(con, f"accepted_{name}")
        counts = TableCount(
            table_name=name,
            received=loaded.received,
            published=published,
            quarantined=failed.num_rows,
            rejected=loaded.rejected + loaded.unreadable,
            superseded=loaded.received
            - loaded.unreadable
            - loaded.rejected
            - failed.num_rows
            - published,
            deleted=published - count(con, upserts),
        )
        return CheckedTable(
            table, loaded, f"accepted_{name}", upserts, counts, rules, failed
        )

    def _leave_out_superseded(
        self, table: Table, candidates: str, failures: str
    ) -> None:
        """Make ``superseded_<table>``: good rows that a newer one replaces.

        Keys that repeat are found first: they are few, and only their rows are sorted.
        """
        keys = ", ".join(quoted(c.name) for c in table.key)
        updated = table.with_concept("technical.updated_at")
        newest = f"{quoted(updated.name)} DESC NULLS LAST, " if updated else ""
        good = f"{candidates} WHERE _row NOT IN (SELECT _row FROM {failures})"
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE superseded_{table.name} AS "
            f"SELECT _row FROM {good} AND ({keys}) IN "
            f"(SELECT ({keys}) FROM {good} GROUP BY {keys} HAVING count(*) > 1) "
            f"QUALIFY row_number() OVER (PARTITION BY {keys} "
            f"ORDER BY {newest}_row DESC) > 1"
        )

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

    def _hold_if_too_bad(self, checked: CheckedDelivery) -> None:
        delivery = self.contract.delivery
        limit = delivery.max_bad_share
        for c in checked.counts:
            bad = c.quarantined + c.rejected
            # In a small table a few rows are a large share and mean nothing.
            if bad >= delivery.min_bad_rows and bad > limit * c.received:
                raise self._held(
                    "TOO_MANY_BAD_ROWS",
                    f"{c.table_name}: {bad} of {c.received} rows failed, the contract "
                    f"allows {limit:.0%}",
                    "See the rules in the report; ask the agency for a new export",
                )

    def _held(self, code: str, detail: str, remedy: str) -> DeliveryHeld:
        return DeliveryHeld(code, feed=self.contract.id, detail=detail, remedy=remedy)


def _is_upsert(table: Table) -> str:
    action = table.with_concept("technical.action")
    return f"{quoted(action.name)} <> 'D'" if action else "TRUE"


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
