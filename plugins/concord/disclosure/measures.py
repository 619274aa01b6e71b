"""How far people in some rows can be recognised, and what one would learn of them.

Persons are counted, never rows. A class is the persons who agree in every
quasi-identifier, NULL being a value of its own. For one sensitive column, ``p`` is the
share of a value among all and ``q`` its share within a class:

* ``l``: how many values the poorest class has (distinct l-diversity);
* ``entropy_l``: e to the entropy of the poorest class;
* ``t``: the largest distance between a class and all (t-closeness): half the sum of
  abs(q-p) for nominal columns, the earth mover's distance for ordered ones;
* ``delta``: the largest abs(ln(q/p)) of a value that a class has (delta-disclosure);
* ``beta``: the largest (q-p)/p (beta-likeness).

The rows are read once, into a table of cells; everything else is made of the cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import duckdb

from concord.contracts.risk import Scale
from concord.duck import one, quoted

_CELLS = "_risk_cells"
_PERSON = "_person"
_DIGITS = 6


@dataclass(frozen=True)
class OfValues:
    """What the classes of one set tell of one sensitive column."""

    column: str
    l: int  # noqa: E741  the measure's own name
    entropy_l: float
    t: float
    delta: float
    beta: float
    homogeneous: int
    """Persons in classes that have one value only."""


@dataclass(frozen=True)
class Measured:
    """How persons stand out by one set of quasi-identifiers."""

    persons: int
    classes: int
    k: int
    unique: int
    """Persons who are alone in a class."""
    at_risk: int
    """Persons in a class smaller than the k asked for."""
    mean_risk: float
    """The chance to be picked out of one's smallest class, on average."""
    values: tuple[OfValues, ...] = ()

    def share(self, count: int) -> float:
        """Return a count of persons as a share of all."""
        return count / self.persons if self.persons else 0.0

    def summary(self) -> dict[str, object]:
        """Return the measures as a manifest shows them."""
        found = asdict(self)
        values = [_rounded(value) for value in found.pop("values")]
        return {**_rounded(found), **({"values": values} if values else {})}


def _rounded(found: Mapping[str, object]) -> dict[str, object]:
    """Round what two threads may add up in another order."""
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in found.items()
    }


def measure(
    con: duckdb.DuckDBPyConnection,
    rows: str,
    quasi_identifiers: Sequence[str],
    k: int,
    *,
    sensitive: Mapping[str, Scale] | None = None,
    person: str | None = None,
) -> Measured:
    """Measure the persons of a table, view or parenthesised query.

    Args:
        con: Connection that holds the rows.
        rows: Where the rows are.
        quasi_identifiers: Columns that make a class.
        k: Persons in classes smaller than this are at risk.
        sensitive: Columns that somebody could learn, and whether values have an order.
        person: Column of the person whose row it is; without it each row is a person.
    """
    sensitive = sensitive or {}
    listed = ", ".join(map(quoted, dict.fromkeys((*quasi_identifiers, *sensitive))))
    cells = (
        f"SELECT {listed}, count(*) AS _n FROM {rows} GROUP BY ALL"
        if person is None
        else f"SELECT DISTINCT {listed}, {quoted(person)} AS {_PERSON} FROM {rows}"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_CELLS} AS {cells}")
    try:
        classes = _Classes(con, ", ".join(map(quoted, quasi_identifiers)), bool(person))
        return classes.measured(k, sensitive)
    finally:
        con.execute(f"DROP TABLE {_CELLS}")


@dataclass(frozen=True)
class _Classes:
    """The queries over the cells of one set."""

    con: duckdb.DuckDBPyConnection
    columns: str
    many_rows: bool
    """Whether a person may have several rows, and so be in several classes."""

    def measured(self, k: int, sensitive: Mapping[str, Scale]) -> Measured:
        found = one(
            self.con,
            "SELECT coalesce(sum(_persons), 0), coalesce(min(_least), 0), "
            "coalesce(sum(_persons) FILTER (_least = 1), 0), "
            f"coalesce(sum(_persons) FILTER (_least < {k}), 0), "
            "coalesce(sum(_persons / _least) / sum(_persons), 0) "
            f"FROM ({self._standings()})",
        )
        classes = one(
            self.con,
            f"SELECT count(*) FROM (SELECT 1 FROM {_CELLS} GROUP BY {self.columns})",
        )[0]
        return Measured(
            persons=int(found[0]),
            classes=int(classes),
            k=int(found[1]),
            unique=int(found[2]),
            at_risk=int(found[3]),
            mean_risk=float(found[4]),
            values=tuple(
                self._of_values(name, scale)
                for name, scale in sensitive.items()
                if found[0]
            ),
        )

    def _standings(self) -> str:
        """Select how many persons have a smallest class of which size."""
        if not self.many_rows:
            return (
                "SELECT sum(_n) AS _least, sum(_n) AS _persons "
                f"FROM {_CELLS} GROUP BY {self.columns}"
            )
        return (
            "SELECT _least, count(*) AS _persons FROM (SELECT min(_n) AS _least FROM ("
            f"SELECT {_PERSON}, count(*) OVER (PARTITION BY {self.columns}) AS _n "
            f"FROM (SELECT DISTINCT {self.columns}, {_PERSON} FROM {_CELLS})) "
            f"GROUP BY {_PERSON}) GROUP BY _least"
        )

    def _counts(self, value: str) -> str:
        """Select how many persons of each class have each value."""
        picked = f"{self.columns}, {value} AS _value"
        if not self.many_rows:
            return f"SELECT {picked}, sum(_n) AS _persons FROM {_CELLS} GROUP BY ALL"
        return (
            f"SELECT * EXCLUDE ({_PERSON}), count(*) AS _persons FROM "
            f"(SELECT DISTINCT {picked}, {_PERSON} FROM {_CELLS}) GROUP BY ALL"
        )

    def _of_values(self, column: str, scale: Scale) -> OfValues:
        """Compare what each class holds of a column with what all hold."""
        value = quoted(column)
        distance = "0.5 * (sum(abs(_q - _p)) + 1 - sum(_p))"
        shares = (
            f"WITH counts AS MATERIALIZED ({self._counts(value)}), "
            "shares AS MATERIALIZED (SELECT *, "
            f"_persons / sum(_persons) OVER (PARTITION BY {self.columns}) AS _q, "
            "sum(_persons) OVER (PARTITION BY _value) / sum(_persons) OVER () AS _p "
            "FROM counts)"
        )
        found = one(
            self.con,
            f"{shares}, classes AS (SELECT count(*) AS l, sum(_persons) AS persons, "
            f"exp(-sum(_q * ln(_q))) AS entropy_l, {distance} AS t, "
            "max(abs(ln(_q / _p))) AS delta, max((_q - _p) / _p) AS beta "
            f"FROM shares GROUP BY {self.columns}) "
            "SELECT min(l), min(entropy_l), max(t), max(delta), max(beta), "
            "coalesce(sum(persons) FILTER (l = 1), 0) FROM classes",
        )
        t = float(found[2])
        if scale == "ordered":
            t = float(one(self.con, f"{shares} {self._earth_mover()}")[0])
        return OfValues(
            column=column,
            l=int(found[0]),
            entropy_l=float(found[1]),
            t=t,
            delta=float(found[3]),
            beta=float(found[4]),
            homogeneous=int(found[5]),
        )

    def _earth_mover(self) -> str:
        """Select the farthest that any class is from all, values one step apart."""
        return (
            ", ranked AS (SELECT _value, any_value(_p) AS _p, "
            "row_number() OVER (ORDER BY _value NULLS FIRST) AS _step "
            "FROM shares GROUP BY _value), "
            f"placed AS (SELECT dense_rank() OVER (ORDER BY {self.columns}) AS _class, "
            "_value, _q FROM shares), "
            "present AS (SELECT _class, _step, _q FROM placed JOIN ranked "
            "ON placed._value IS NOT DISTINCT FROM ranked._value), "
            "moved AS (SELECT _class, sum(coalesce(_q, 0) - _p) OVER ("
            "PARTITION BY _class ORDER BY _step) AS carried FROM "
            "(SELECT DISTINCT _class FROM placed) CROSS JOIN ranked "
            "LEFT JOIN present USING (_class, _step)) "
            "SELECT max(distance) FROM (SELECT coalesce(sum(abs(carried)) / "
            "nullif((SELECT count(*) FROM ranked) - 1, 0), 0) AS distance "
            "FROM moved GROUP BY _class)"
        )
