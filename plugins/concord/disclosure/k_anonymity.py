"""k-anonymity by local generalisation: no person stands alone in a class.

A class is the set of rows that agree in every quasi-identifier, where NULL is a
value of its own, and in ``disclosure_state``, which is published beside them. Rows
of a class smaller than k lose their quasi-identifiers one after the other, the
finest (declared last) first, until their class is large enough. ``disclosure_state``
then tells a value that was withheld from one that the agency never had:

* ``ok``: nothing was withheld; NULL means that no agency recorded it;
* ``generalised``: some quasi-identifiers may have been withheld;
* ``suppressed``: all of them are withheld.
"""

from dataclasses import dataclass

import duckdb

from concord.contracts.models import KAnonymity
from concord.duck import quoted
from concord.exceptions import DisclosureRefused

STATE = "disclosure_state"


@dataclass(frozen=True)
class Risk:
    """What was measured and what it cost; counts only."""

    table: str
    quasi_identifiers: tuple[str, ...]
    k_required: int
    k_before: int
    k_after: int
    records: int
    at_risk: int
    generalised: int
    suppressed: int
    classes: int

    @property
    def touched(self) -> int:
        """Count the rows that lost at least one quasi-identifier."""
        return self.generalised + self.suppressed

    @property
    def suppressed_share(self) -> float:
        """Return the share of rows that lost every quasi-identifier."""
        return self.suppressed / self.records if self.records else 0.0

    def summary(self) -> dict[str, object]:
        """Return the risk as a manifest and a report show it."""
        return {
            "table": self.table,
            "quasi_identifiers": list(self.quasi_identifiers),
            "k_required": self.k_required,
            "k_before": self.k_before,
            "k_after": self.k_after,
            "records": self.records,
            "records_at_risk": self.at_risk,
            "generalised": self.generalised,
            "suppressed": self.suppressed,
            "suppressed_share": round(self.suppressed_share, 6),
            "classes": self.classes,
        }


def protect(
    con: duckdb.DuckDBPyConnection, table: str, key: str, rule: KAnonymity
) -> Risk:
    """Bring a person-level table to k, in place, and say what it cost.

    Args:
        con: Connection that holds the table.
        table: Table with one row per person; gets the column ``disclosure_state``.
        key: Column that names the person; it decides ties, so equal input gives
            equal output.
        rule: k, the quasi-identifiers (those that the table has are used) and the
            share of rows that may be suppressed.

    Raises:
        DisclosureRefused: the table can't be brought to k within the rule.
    """
    columns = _quasi_identifiers(con, table, rule)
    records = _check_key(con, table, key)
    con.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {STATE} VARCHAR DEFAULT 'ok'")
    ladder = _Ladder(con, table, key, columns, rule.k)
    k_before, _ = ladder.smallest_class()
    at_risk = ladder.rows_at_risk()
    for column in reversed(columns):
        ladder.withhold(column)
    ladder.fill_suppressed_class()
    k_after, classes = ladder.smallest_class()
    states = ladder.states()
    risk = Risk(
        table=table,
        quasi_identifiers=columns,
        k_required=rule.k,
        k_before=k_before,
        k_after=k_after,
        records=records,
        at_risk=at_risk,
        generalised=states.get("generalised", 0),
        suppressed=states.get("suppressed", 0),
        classes=classes,
    )
    _refuse_if_unsafe(risk, rule)
    return risk


def _quasi_identifiers(
    con: duckdb.DuckDBPyConnection, table: str, rule: KAnonymity
) -> tuple[str, ...]:
    """Return the declared quasi-identifiers that the table has, in declared order."""
    con.execute(f"SELECT * FROM {quoted(table)} LIMIT 0")
    present = {column[0] for column in con.description or ()}
    columns = tuple(c for c in rule.quasi_identifiers if c in present)
    if not columns:
        raise DisclosureRefused(
            f"{table}: has none of the declared quasi-identifiers "
            f"({', '.join(rule.quasi_identifiers)}), so its risk can't be measured. "
            "Name the table's columns under kAnonymity in the release profile"
        )
    return columns


def _check_key(con: duckdb.DuckDBPyConnection, table: str, key: str) -> int:
    """Count the rows; refuse a table in which one person could fill a class."""
    row = con.execute(
        f"SELECT count(*), count(DISTINCT {quoted(key)}) FROM {quoted(table)}"
    ).fetchone()
    records, persons = row or (0, 0)
    if records != persons:
        raise DisclosureRefused(
            f"{table}: {records} rows for {persons} values of {key}; k counts persons, "
            "so the table needs exactly one row for each"
        )
    return int(records)


def _refuse_if_unsafe(risk: Risk, rule: KAnonymity) -> None:
    """Raise when the table is not at k or lost too many rows on the way."""
    if risk.records and risk.k_after < rule.k:
        raise DisclosureRefused(
            f"{risk.table}: {risk.records} rows can't be brought to k={rule.k} "
            f"(smallest class: {risk.k_after}). Publish when more persons are covered"
        )
    if risk.suppressed_share > rule.max_suppressed_share:
        raise DisclosureRefused(
            f"{risk.table}: {risk.suppressed} of {risk.records} rows "
            f"({risk.suppressed_share:.1%}) would lose every quasi-identifier; "
            f"{rule.max_suppressed_share:.1%} may. Coarsen the quasi-identifiers or "
            "remove one from the release profile"
        )


@dataclass(frozen=True)
class _Ladder:
    """The steps by which small classes of one table are merged."""

    con: duckdb.DuckDBPyConnection
    table: str
    key: str
    columns: tuple[str, ...]
    k: int

    @property
    def _class(self) -> str:
        return ", ".join(quoted(c) for c in (*self.columns, STATE))

    @property
    def _nothing_left(self) -> str:
        return " AND ".join(f"{quoted(c)} IS NULL" for c in self.columns)

    def smallest_class(self) -> tuple[int, int]:
        """Return the size of the smallest class and the number of classes."""
        row = self.con.execute(
            "SELECT coalesce(min(n), 0), count(*) FROM "
            f"(SELECT count(*) AS n FROM {quoted(self.table)} GROUP BY {self._class})"
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def rows_at_risk(self) -> int:
        """Count the rows in classes smaller than k."""
        row = self.con.execute(
            f"SELECT count(*) FROM ({self._small_classes()})"
        ).fetchone()
        return int(row[0]) if row else 0

    def states(self) -> dict[str, int]:
        """Count the rows of each disclosure state."""
        rows = self.con.execute(
            f"SELECT {STATE}, count(*) FROM {quoted(self.table)} GROUP BY ALL"
        ).fetchall()
        return {str(state): int(count) for state, count in rows}

    def withhold(self, column: str) -> None:
        """Take one quasi-identifier away from every row of a small class.

        A small class always moves as a whole, and a class of k or more never loses
        a row, so each step can only make classes larger.
        """
        self.con.execute(
            f"UPDATE {quoted(self.table)} SET {quoted(column)} = NULL, "
            f"{STATE} = 'generalised' "
            f"WHERE {quoted(self.key)} IN ({self._small_classes()})"
        )
        self.con.execute(
            f"UPDATE {quoted(self.table)} SET {STATE} = 'suppressed' "
            f"WHERE {STATE} = 'generalised' AND {self._nothing_left}"
        )

    def fill_suppressed_class(self) -> None:
        """Let further rows join the suppressed ones when those are fewer than k.

        They come from the largest class if it keeps k rows, else the smallest class
        joins as a whole.
        """
        missing = self.k - self.states().get("suppressed", self.k)
        if missing <= 0:
            return
        donors = self._donors(missing)
        cleared = ", ".join(f"{quoted(c)} = NULL" for c in self.columns)
        self.con.execute(
            f"UPDATE {quoted(self.table)} SET {cleared}, {STATE} = 'suppressed' "
            f"WHERE {quoted(self.key)} IN ({donors})"
        )

    def _small_classes(self) -> str:
        """Select the keys of rows in classes smaller than k."""
        key = quoted(self.key)
        return (
            f"SELECT {key} FROM {quoted(self.table)} QUALIFY "
            f"count(*) OVER (PARTITION BY {self._class}) < {self.k}"
        )

    def _donors(self, missing: int) -> str:
        """Select the keys of the rows that join the suppressed class."""
        sizes = (
            f"SELECT {self._class}, count(*) AS class_size FROM {quoted(self.table)} "
            f"WHERE {STATE} <> 'suppressed' GROUP BY {self._class}"
        )
        order = ", ".join(f"{quoted(c)} NULLS LAST" for c in (*self.columns, STATE))
        row = self.con.execute(f"SELECT max(class_size) FROM ({sizes})").fetchone()
        whole = row is None or row[0] is None or row[0] < self.k + missing
        same = " AND ".join(
            f"t.{quoted(c)} IS NOT DISTINCT FROM d.{quoted(c)}"
            for c in (*self.columns, STATE)
        )
        direction = "ASC" if whole else "DESC"
        limit = "" if whole else f"ORDER BY t.{quoted(self.key)} LIMIT {missing}"
        return (
            f"SELECT t.{quoted(self.key)} FROM {quoted(self.table)} AS t JOIN (SELECT "
            f"* FROM ({sizes}) ORDER BY class_size {direction}, {order} LIMIT 1) AS d "
            f"ON {same} {limit}"
        )
