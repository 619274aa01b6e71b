"""A landed delivery opened, unpacked and read into typed tables."""

from pathlib import Path

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, quoted
from concord.exceptions import DeliveryHeld
from concord.landing.archive import Archive
from concord.landing.receipts import ReceiptPart
from concord.landing.records import Delivery
from concord.landing.unpacking import hold_packed, unpack
from concord.parsing.loading import Loaded, TypeFaults, load
from concord.parsing.notices import load_deletions, load_key_changes
from concord.validation.splitting import is_deletion


class LandedTables:
    """Reads what has landed for one feed; no plain file is left in the workspace."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        contract: Contract,
        archive: Archive,
        workspace: Path,
    ) -> None:
        self.con = con
        self.contract = contract
        self.archive = archive
        self.workspace = workspace

    def load(self, delivery: Delivery, table: Table) -> Loaded:
        """Read a table of a delivery, with its deletion notices, into the connection.

        Raises:
            DeliveryHeld: What was read is not what was announced or agreed.
        """
        receipt = self.archive.receipt(delivery)
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
        standing = f"(FROM {loaded.relation} WHERE NOT {is_deletion(table)})"
        for column in loaded.types:
            empty = column.required and column.present == 0
            if empty and loaded.received and count(self.con, standing):
                raise self._nothing_in(table, column, loaded.received)
        if table.deletes is not None:
            parts = receipt.of(table.source, "deletes")
            files = self._open(delivery, parts, table, suffix)
            deleted = load_deletions(self.con, self.contract, table, files)
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
            plain = self.archive.open_parts(delivery, parts, self.workspace, suffix)
            for path in plain:
                hold_packed(path, feed=self.contract.id, table=table.name)
            return plain
        files = []
        for packed in self.archive.open_parts(delivery, parts, self.workspace, ".pack"):
            unpacked = unpack(
                packed,
                packed.with_suffix(suffix),
                agreed.packing,
                feed=self.contract.id,
                table=table.name,
                member=table.member,
                max_bytes=agreed.max_unpacked_bytes,
            )
            packed.unlink()
            files.append(unpacked)
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
            changed = load_key_changes(self.con, self.contract, table, files)
            names = [f"{s}_{c.name}" for s in ("old", "new") for c in table.key]
            self._hold_without_keys(table, changed, [*names, "_order"])
            for path in files:
                path.unlink()

    def _nothing_in(self, table: Table, column: TypeFaults, rows: int) -> DeliveryHeld:
        """Make the error for a required column without a single value."""
        found = f"{table.name}: required column '{column.column}'"
        if column.faults:
            return self._held(
                "COLUMN_MISSING",
                f"{found} has no value of its type in {rows} rows",
                "Correct its logicalType or datetimeFormats in the contract, or its "
                "physicalName if it was renamed",
            )
        return self._held(
            "COLUMN_MISSING",
            f"{found} is empty in all {rows} rows",
            "If it was renamed, state the new name in the contract",
        )

    def _hold_without_keys(self, table: Table, relation: str, names: list[str]) -> None:
        """Hold a delivery whose notices do not say which row they are about."""
        absent = " OR ".join(f"{quoted(name)} IS NULL" for name in names)
        found = count(self.con, f"(FROM {relation} WHERE {absent})")
        if found:
            raise self._held(
                "NOTICE_WITHOUT_KEY",
                f"{table.name}: notices without what the contract names",
                "Ask the agency for keys in its notices, or correct their path",
            )

    def _held(self, code: str, detail: str, remedy: str) -> DeliveryHeld:
        return DeliveryHeld(code, feed=self.contract.id, detail=detail, remedy=remedy)
