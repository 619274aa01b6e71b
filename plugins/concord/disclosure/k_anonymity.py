"""k-anonymity by local generalisation: no person stands alone in a class.

A class is the set of rows that agree in every quasi-identifier, where NULL is a
value of its own, and in ``disclosure_state``, which is published beside them. Rows
of a class smaller than k climb a ladder until their class is large enough: first their
values become coarser, where the profile says how; then they lose their
quasi-identifiers one after the other, the finest (declared last) first.
``disclosure_state`` then tells a value that was withheld from one that the agency never
had:

* ``ok``: nothing was done; NULL means that no agency recorded it;
* ``generalised``: values are the profile's coarser ones, and some may be withheld;
* ``suppressed``: all of them are withheld.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from concord.contracts.risk import KAnonymity
from concord.disclosure.ladder import GENERALISED, STATE, SUPPRESSED, Ladder
from concord.duck import one, quoted
from concord.exceptions import ContractError, RiskRefused

COARSEN = "Coarsen the quasi-identifiers or remove one from the release profile"


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
    classes_before: int
    unique_before: int
    changed: Mapping[str, int]
    """How many rows had a value of each quasi-identifier coarsened or withheld."""

    @property
    def touched(self) -> int:
        """Count the rows to which something was done."""
        return self.generalised + self.suppressed

    @property
    def suppressed_share(self) -> float:
        """Return the share of rows that lost every quasi-identifier."""
        return self.suppressed / self.records if self.records else 0.0

    @property
    def touched_share(self) -> float:
        """Return the share of rows to which something was done."""
        return self.touched / self.records if self.records else 0.0

    @property
    def information_loss(self) -> float:
        """Return the share of all quasi-identifying values that were changed."""
        values = self.records * len(self.quasi_identifiers)
        return sum(self.changed.values()) / values if values else 0.0

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
            "touched_share": round(self.touched_share, 6),
            "classes": self.classes,
            "classes_before": self.classes_before,
            "unique_before": self.unique_before,
            "changed": dict(self.changed),
            "information_loss": round(self.information_loss, 6),
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
        RiskRefused: the table can't be brought to k within the rule.
    """
    columns = _quasi_identifiers(con, table, rule)
    _check_coarser(con, table, rule)
    records = _check_key(con, table, key)
    ladder = Ladder(con, table, key, columns, rule.k)
    ladder.begin()
    k_before, classes_before, unique_before = ladder.classes()
    at_risk = ladder.moving()
    ladder.coarsen({c: rule.coarser[c] for c in columns if c in rule.coarser})
    for column in reversed(columns):
        ladder.withhold(column)
    ladder.fill_suppressed_class()
    states = ladder.states()
    changed = ladder.end()
    k_after, classes = _smallest_class(con, table, columns)
    risk = Risk(
        table=table,
        quasi_identifiers=columns,
        k_required=rule.k,
        k_before=k_before,
        k_after=k_after,
        records=records,
        at_risk=at_risk,
        generalised=states.get(GENERALISED, 0),
        suppressed=states.get(SUPPRESSED, 0),
        classes=classes,
        classes_before=classes_before,
        unique_before=unique_before,
        changed=changed,
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
        raise RiskRefused(
            "NO_QUASI_IDENTIFIER",
            f"{table}: has none of the declared quasi-identifiers "
            f"({', '.join(rule.quasi_identifiers)}), so its risk can't be measured",
            "Name the table's columns under kAnonymity in the release profile",
        )
    return columns


def _check_coarser(
    con: duckdb.DuckDBPyConnection, table: str, rule: KAnonymity
) -> None:
    """Refuse to widen words or to group numbers, before a value is touched."""
    for column, kind, *_ in con.execute(f"DESCRIBE {quoted(table)}").fetchall():
        how = rule.coarser.get(column)
        if how is not None and (kind == "VARCHAR") == (how.width is not None):
            raise ContractError(
                f"kAnonymity: '{column}' of {table} is {kind}, which can't be made "
                "coarser so. Give text 'groups' and numbers a 'width'"
            )


def _check_key(con: duckdb.DuckDBPyConnection, table: str, key: str) -> int:
    """Count the rows; refuse a table in which one person could fill a class."""
    records, persons = one(
        con, f"SELECT count(*), count(DISTINCT {quoted(key)}) FROM {quoted(table)}"
    )
    if records != persons:
        raise RiskRefused(
            "PERSON_TWICE",
            f"{table}: {records} rows for {persons} values of {key}",
            "k counts persons: correct the SQL, so that each has exactly one row",
        )
    return int(records)


def _smallest_class(
    con: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]
) -> tuple[int, int]:
    """Return the size of the smallest published class and the number of classes."""
    listed = ", ".join(map(quoted, (*columns, STATE)))
    smallest, classes = one(
        con,
        "SELECT coalesce(min(n), 0), count(*) FROM "
        f"(SELECT count(*) AS n FROM {quoted(table)} GROUP BY {listed})",
    )
    return int(smallest), int(classes)


def _refuse_if_unsafe(risk: Risk, rule: KAnonymity) -> None:
    """Raise when the table is not at k or lost too much on the way."""
    if risk.records and risk.k_after < rule.k:
        raise RiskRefused(
            "K_NOT_REACHED",
            f"{risk.table}: {risk.records} rows can't be brought to k={rule.k} "
            f"(smallest class: {risk.k_after})",
            "Publish when more persons are covered",
        )
    if risk.suppressed_share > rule.max_suppressed_share:
        raise RiskRefused(
            "TOO_MUCH_WITHHELD",
            f"{risk.table}: {risk.suppressed} of {risk.records} rows "
            f"({risk.suppressed_share:.1%}) would lose every quasi-identifier; "
            f"{rule.max_suppressed_share:.1%} may",
            COARSEN,
        )
    if risk.touched_share > rule.max_touched_share:
        raise RiskRefused(
            "TOO_MUCH_WITHHELD",
            f"{risk.table}: {risk.touched} of {risk.records} rows "
            f"({risk.touched_share:.1%}) would be coarsened or lose a "
            f"quasi-identifier; {rule.max_touched_share:.1%} may",
            COARSEN,
        )
