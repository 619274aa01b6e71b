"""Keys that an agency changed: the last good state follows before it is added to.

A person whose number changes keeps the record key, so nothing of theirs is orphaned or
doubled. A number that once stood for one person is never given to another.
"""

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from concord.contracts.models import Contract, Table
from concord.duck import count, fetch, quoted
from concord.exceptions import DeliveryHeld
from concord.parsing.casting import sql_types
from concord.validation.record_keys import RecordKeys

Draw = Callable[[int], list[str]]
Key = tuple[str, ...]


class KeyFollower:
    """Lets the state in one DuckDB connection follow the changed keys of a delivery."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        contract: Contract,
        person_keys: RecordKeys,
        draw: Draw,
    ) -> None:
        self.con = con
        self.contract = contract
        self.person_keys = person_keys
        self.draw = draw

    def follow(self) -> bool:
        """Rewrite the keys in ``previous_…`` by ``changed_…``; say if any changed.

        Raises:
            DeliveryHeld: A new number already stands for another person.
        """
        changed = [t for t in self.contract.tables if t.key_changes is not None]
        settled = [table for table in changed if self._settle(table)]
        for table in sorted(settled, key=lambda t: t is not self._lead):
            if table is self._lead:
                self._follow_persons(table)
            else:
                self._follow_rows(table)
        return bool(settled)

    def check_reuse(self, whole: bool) -> None:
        """Hold a delivery in which one person's former number means another person."""
        if self._lead is None:
            return
        con = self.con
        if count(con, "person_keys") == count(
            con, "(SELECT DISTINCT key FROM person_keys)"
        ):
            return
        name = self._lead.name
        numbers = f"SELECT {self._number} AS original FROM accepted_{name}"
        if not whole:
            numbers += f" UNION SELECT source_id FROM previous_identity_{name}"
        shared = (
            f"(SELECT key FROM ({numbers}) JOIN person_keys USING (original) "
            "GROUP BY key HAVING count(DISTINCT original) > 1)"
        )
        if count(con, shared):
            raise self._reused(name)

    @property
    def _lead(self) -> Table | None:
        """Return the table that says who there is."""
        return next((t for t in self.contract.tables if t.describes_persons), None)

    @property
    def _number(self) -> str:
        """Return the lead's column of numbers, quoted."""
        assert self._lead is not None
        assert self._lead.person is not None
        return quoted(self._lead.person.name)

    def _settle(self, table: Table) -> bool:
        """Make ``settled_<table>``, each key's first and last form; say if any."""
        names = [column.name for column in table.key]
        picked = [f"{side}_{name}" for side in ("old", "new") for name in names]
        columns = ", ".join(map(quoted, picked))
        rows = fetch(
            self.con, f"SELECT {columns} FROM changed_{table.name} ORDER BY _order"
        )
        values = list(zip(*(rows[name].to_pylist() for name in picked), strict=True))
        width = len(names)
        settled = first_and_last([(row[:width], row[width:]) for row in values])
        arrays = [
            pa.array(column, pa.string()) for column in zip(*settled, strict=True)
        ]
        if not settled:
            return False
        self.con.register("_settled", pa.table(arrays, names=picked))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE settled_{table.name} AS FROM _settled"
        )
        self.con.unregister("_settled")
        return True

    def _follow_persons(self, lead: Table) -> None:
        """Give each new number the record key of the old one."""
        old, new = self._sides(lead)[0]
        pairs = f"SELECT {old} AS old, {new} AS new FROM settled_{lead.name}"
        if not self.person_keys.follow(self.con, pairs, "person_keys"):
            raise self._reused(lead.name)
        for table in self.contract.tables:
            if table.describes_persons:
                self.con.execute(
                    f"UPDATE previous_identity_{table.name} SET source_id = _c.new "
                    f"FROM ({pairs}) AS _c WHERE source_id = _c.old"
                )

    def _follow_rows(self, table: Table) -> None:
        """Give each row its new key, and rows that refer to it too."""
        settled, types = f"settled_{table.name}", sql_types(table)
        sets, wheres, joins = [], [], []
        for column, (old, new) in zip(table.key, self._sides(table), strict=True):
            if table.person is not None and column.name == table.person.name:
                numbers = f"SELECT {new} AS original FROM {settled}"
                self.person_keys.assign(self.con, numbers, "person_keys", self.draw)
                joins += [
                    f"JOIN person_keys AS _{side} ON _{side}.original = _c.{name}"
                    for side, name in (("was", old), ("is", new))
                ]
                sets.append("record_key = _c._is")
                wheres.append("record_key = _c._was")
                continue
            name, kind = quoted(column.name), types[column.name]
            sets.append(f"{name} = CAST(_c.{new} AS {kind})")
            wheres.append(f"_p.{name} = CAST(_c.{old} AS {kind})")
        keys = ", _was.key AS _was, _is.key AS _is" if joins else ""
        self.con.execute(
            f"UPDATE previous_{table.name} AS _p SET {', '.join(sets)} FROM "
            f"(SELECT _c.*{keys} FROM {settled} AS _c {' '.join(joins)}) AS _c "
            f"WHERE {' AND '.join(wheres)}"
        )
        if len(table.key) == 1:
            self._follow_references(table)

    def _follow_references(self, table: Table) -> None:
        """Let columns that refer to the table's one key column follow it."""
        old, new = self._sides(table)[0]
        for other in self.contract.tables:
            for column in other.columns:
                if column.references == f"{table.name}.{table.key[0].name}":
                    name = quoted(column.name)
                    kind = sql_types(other)[column.name]
                    self.con.execute(
                        f"UPDATE previous_{other.name} AS _p "
                        f"SET {name} = CAST(_c.{new} AS {kind}) "
                        f"FROM settled_{table.name} AS _c "
                        f"WHERE _p.{name} = CAST(_c.{old} AS {kind})"
                    )

    def _sides(self, table: Table) -> list[tuple[str, str]]:
        """Return the columns of old and new values, a pair for each key column."""
        return [(quoted(f"old_{c.name}"), quoted(f"new_{c.name}")) for c in table.key]

    def _reused(self, table: str) -> DeliveryHeld:
        return DeliveryHeld(
            "KEY_REUSED",
            feed=self.contract.id,
            detail=f"{table}: a number stands for two persons, one now and one before",
            remedy="Ask the agency whose number it is, and for one never used before",
        )


def first_and_last(changes: Sequence[tuple[Key, Key]]) -> list[Key]:
    """Return each key's first and last form, side by side, where they differ."""
    first: dict[Key, Key] = {}
    for old, new in changes:
        first[new] = first.pop(old, old)
    return [origin + now for now, origin in first.items() if origin != now]
