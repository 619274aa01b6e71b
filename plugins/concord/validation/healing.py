"""Quarantine that heals: every night the rows that wait are looked at again.

A row leaves quarantine when the agency sends a good one of the same key (corrected),
when it passes its rules today, for instance because its parent has come (released),
when an override lets it through (overridden), when a newer bad one takes its place
(replaced), and when the agency deletes it or no longer sends it (withdrawn).
"""

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from concord.contracts.models import Table
from concord.duck import count, fetch, one, quoted
from concord.landing.history import Healing
from concord.parsing.casting import sql_types
from concord.validation.checking import DeliveryChecker
from concord.validation.merging import StateMerger
from concord.validation.quarantine import Quarantine
from concord.validation.references import in_dependency_order

FATES = ("corrected", "released", "overridden", "replaced", "withdrawn")
NOTES = {
    "rules": "VARCHAR[]",
    "_rejected": "BOOLEAN",
    "_since": "DATE",
    "_before": "BOOLEAN",
    "_fate": "VARCHAR",
    "_row": "BIGINT",
}


class Healer:
    """Follows the rows in one feed's quarantine through a night, inside DuckDB."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        checker: DeliveryChecker,
        merger: StateMerger,
        quarantine: Quarantine,
    ) -> None:
        self.con = con
        self.checker = checker
        self.merger = merger
        self.quarantine = quarantine
        self.contract = merger.contract
        self.older = 0  # rows that waited when the last delivery was checked
        con.execute("CREATE OR REPLACE TEMP SEQUENCE waiting_number")

    def begin(self, previous: str | None) -> None:
        """Load what waited as of the last good state as ``waiting_<table>``."""
        stored = self.quarantine.read(previous) if previous else {}
        for table in self.contract.tables:
            types = {**sql_types(table), **NOTES}
            columns = ", ".join(f"{quoted(n)} {kind}" for n, kind in types.items())
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE waiting_{table.name} ({columns})"
            )
            if table.name in stored:
                self._restore(table, stored[table.name])

    def _restore(self, table: Table, stored: pa.Table) -> None:
        """Load stored rows; what today's contract can't hold of them becomes NULL."""
        types = {**sql_types(table), "rules": NOTES["rules"], "_rejected": "BOOLEAN"}
        kept = ", ".join(
            f"TRY_CAST({quoted(name)} AS {kind}) AS {quoted(name)}"
            for name, kind in {**types, "_since": "DATE"}.items()
            if name in stored.column_names
        )
        self.con.register("_stored", stored)
        self.con.execute(
            f"INSERT INTO waiting_{table.name} BY NAME SELECT {kept}, "
            "TRUE AS _before, nextval('waiting_number') AS _row FROM _stored"
        )
        self.con.unregister("_stored")

    def absorb(self, night: date, whole: bool) -> None:
        """Take note of a delivery that was just applied: what it heals and adds."""
        for table in self.contract.tables:
            self._heal(table, whole)
        self.older = sum(count(self.con, _open(t)) for t in self.contract.tables)
        for table in self.contract.tables:
            self._add(table, night)

    def _heal(self, table: Table, whole: bool) -> None:
        name = table.name
        keys = _keys(table)
        fates = [
            ("corrected", f"({keys}) IN (SELECT ({keys}) FROM upserts_{name})"),
            ("withdrawn", f"({keys}) IN (SELECT ({keys}) FROM accepted_{name})"),
        ]
        if table.deletes is not None:
            deleted = ", ".join(map(quoted, table.deletes.key))
            notices = f"(SELECT ({deleted}) FROM noticed_{name})"
            fates.append(("withdrawn", f"({deleted}) IN {notices}"))
        fates.append(("replaced", f"({keys}) IN (SELECT ({keys}) FROM failed_{name})"))
        if whole:
            fates.append(("withdrawn", "TRUE"))
        for fate, condition in fates:
            self._settle(table, fate, condition)

    def _settle(self, table: Table, fate: str, condition: str) -> None:
        self.con.execute(
            f"UPDATE waiting_{table.name} SET _fate = '{fate}' "
            f"WHERE _fate IS NULL AND {condition}"
        )

    def _add(self, table: Table, night: date) -> None:
        """Add the failed rows, but those that a newer good row of theirs corrects."""
        updated = table.with_concept("technical.updated_at")
        newer = "good._row > bad._row"
        if updated is not None:
            good, bad = (f"{side}.{quoted(updated.name)}" for side in ("good", "bad"))
            newer = f"({good} > {bad} OR {good} IS NOT DISTINCT FROM {bad} AND {newer})"
        same = " AND ".join(
            f"good.{quoted(c.name)} = bad.{quoted(c.name)}" for c in table.key
        )
        self.con.execute(
            f"INSERT INTO waiting_{table.name} BY NAME SELECT bad.* EXCLUDE (_row), "
            "CAST(? AS DATE) AS _since, FALSE AS _before, "
            f"CASE WHEN EXISTS (SELECT 1 FROM accepted_{table.name} AS good "
            f"WHERE {same} AND {newer}) THEN 'corrected' END AS _fate, "
            f"nextval('waiting_number') AS _row FROM failed_{table.name} AS bad",
            [night],
        )

    def recheck(self) -> None:
        """Check again what waits, and merge what passes now.

        What the last delivery left waiting was checked against all that is known, so
        it can pass only together with an older row. What a snapshot holds was checked
        with it, and what it lacks is gone.
        """
        if self.older == 0 or self.contract.delivery.absence_deletes:
            return
        for table in in_dependency_order(self.contract):
            self._recheck(table)
        self.merger.apply(whole=False)

    def _recheck(self, table: Table) -> None:
        name = table.name
        typed = ", ".join(quoted(column) for column in sql_types(table))
        candidates = f"candidates_{name}"
        self.con.execute(  # a table, because what is found here settles some of them
            f"CREATE OR REPLACE TEMP TABLE rechecked_{name} AS "
            f"SELECT {typed}, _row FROM {_open(table)}"
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP VIEW {candidates} AS FROM rechecked_{name}"
        )
        failures = self.checker.recheck(table, candidates)
        accepted = f"_row IN (SELECT _row FROM accepted_{name})"
        by_override = f"_row IN (FROM overridden_{name})"
        self._settle(table, "overridden", f"{accepted} AND {by_override}")
        self._settle(table, "released", accepted)
        self._settle(table, "replaced", f"_row IN (FROM superseded_{name})")
        self.con.execute(
            f"UPDATE waiting_{name} SET rules = found.rules FROM (SELECT _row, "
            f"list(DISTINCT rule ORDER BY rule) AS rules FROM {failures} "
            f"GROUP BY _row) AS found WHERE waiting_{name}._row = found._row"
        )

    def forget_persons(self) -> None:
        """Withdraw what waits of persons whom the agency deleted."""
        for table in self.contract.tables:
            if table.person is not None:
                person = quoted(table.person.name)
                self._settle(table, "withdrawn", f"{person} IN (FROM persons_gone)")

    def finish(self) -> tuple[dict[str, pa.Table], Sequence[Healing]]:
        """Return what waits as of tonight, and what became of all that waited."""
        waiting = {
            table.name: fetch(
                self.con,
                f"SELECT * EXCLUDE (_before, _fate, _row) FROM waiting_{table.name} "
                f"WHERE _fate IS NULL ORDER BY {_keys(table)}, _since, _row",
            )
            for table in self.contract.tables
        }
        return waiting, [self._healing(table) for table in self.contract.tables]

    def _healing(self, table: Table) -> Healing:
        counted = ", ".join(
            f"count(*) FILTER (WHERE _fate = '{fate}')" for fate in FATES
        )
        before, added, waiting, *fates = one(
            self.con,
            "SELECT count(*) FILTER (WHERE _before), count(*) FILTER (WHERE NOT "
            "_before), count(*) FILTER (WHERE _fate IS NULL), "
            f"{counted} FROM waiting_{table.name}",
        )
        by_fate = dict(zip(FATES, fates, strict=True))
        return Healing(table.name, before, added, waiting=waiting, **by_fate)


def _open(table: Table) -> str:
    """Return the rows that wait and have every value, as a relation."""
    return f"(FROM waiting_{table.name} WHERE _fate IS NULL AND NOT _rejected)"


def _keys(table: Table) -> str:
    return ", ".join(quoted(column.name) for column in table.key)
