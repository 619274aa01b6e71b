"""The ladder by which rows of small classes are made alike, in place.

Only the rows of small classes are copied and climb: a class of k or more never loses a
row, and ``disclosure_state`` keeps rows that were touched apart from it. A small class
always moves as a whole, so each rung can only make classes larger.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from concord.contracts.risk import Coarser
from concord.duck import count, literal, one, quoted

STATE = "disclosure_state"
OK, GENERALISED, SUPPRESSED = "ok", "generalised", "suppressed"
_KEY = "_key"
_CLASSES, _MOVING = "_ladder_classes", "_ladder_moving"


@dataclass(frozen=True)
class Ladder:
    """The rungs for one table with a row a person."""

    con: duckdb.DuckDBPyConnection
    table: str
    key: str
    columns: tuple[str, ...]
    """Quasi-identifiers, the finest last."""
    k: int

    def begin(self) -> None:
        """Count the classes and copy the rows of those that are too small."""
        self.con.execute(
            f"ALTER TABLE {quoted(self.table)} ADD COLUMN {STATE} VARCHAR "
            f"DEFAULT {literal(OK)}"
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_CLASSES} AS SELECT {self._listed}, "
            f"count(*) AS n FROM {quoted(self.table)} GROUP BY ALL"
        )
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_MOVING} AS "
            f"SELECT t.{quoted(self.key)} AS {_KEY}, {_of('t', self.columns)}, "
            f"{literal(OK)} AS {STATE} FROM {quoted(self.table)} AS t "
            f"JOIN (FROM {_CLASSES} WHERE n < {self.k}) AS small "
            f"ON {_same('t', 'small', self.columns)}"
        )

    def end(self) -> dict[str, int]:
        """Write back what the rungs changed; returns the changed values by column."""
        joined = f"{quoted(self.table)} AS t JOIN {_MOVING} AS m ON {self._keyed}"
        changes = ", ".join(
            f"count(*) FILTER (t.{quoted(c)} IS DISTINCT FROM m.{quoted(c)})"
            for c in self.columns
        )
        changed = one(self.con, f"SELECT {changes} FROM {joined}")
        values = ", ".join(f"{quoted(c)} = m.{quoted(c)}" for c in self.columns)
        self.con.execute(
            f"UPDATE {quoted(self.table)} AS t SET {values}, {STATE} = m.{STATE} "
            f"FROM {_MOVING} AS m WHERE {self._keyed}"
        )
        for name in (_MOVING, _CLASSES):
            self.con.execute(f"DROP TABLE {name}")
        return dict(zip(self.columns, map(int, changed), strict=True))

    def classes(self) -> tuple[int, int, int]:
        """Return smallest class, number of classes and rows alone, as they began."""
        found = one(
            self.con,
            "SELECT coalesce(min(n), 0), count(*), count(*) FILTER (n = 1) "
            f"FROM {_CLASSES}",
        )
        return int(found[0]), int(found[1]), int(found[2])

    def moving(self) -> int:
        """Count the rows on the ladder."""
        return count(self.con, _MOVING)

    def states(self) -> dict[str, int]:
        """Count the rows on the ladder by their state."""
        rows = self.con.execute(
            f"SELECT {STATE}, count(*) FROM {_MOVING} GROUP BY ALL"
        ).fetchall()
        return {str(state): int(count) for state, count in rows}

    # Rungs ------------------------------------------------------------------------

    def coarsen(self, coarser: Mapping[str, Coarser]) -> None:
        """Make every row of a small class coarser, in all columns at once.

        At once, so that a reader of a generalised row knows what its values mean.
        """
        values = [f"{quoted(c)} = {_coarse(c, how)}" for c, how in coarser.items()]
        if values:
            self._change(", ".join(values))

    def withhold(self, column: str) -> None:
        """Take one quasi-identifier away from every row of a small class."""
        self._change(f"{quoted(column)} = NULL")

    def fill_suppressed_class(self) -> None:
        """Let further rows join the suppressed ones when those are fewer than k.

        They come from the largest class if it keeps k rows, else the smallest class
        joins as a whole.
        """
        missing = self.k - self.states().get(SUPPRESSED, self.k)
        if missing <= 0:
            return
        sizes = self._sizes()
        largest = one(self.con, f"SELECT coalesce(max(n), 0) FROM ({sizes})")[0]
        spared = largest >= self.k + missing
        order = ", ".join(f"{quoted(c)} NULLS LAST" for c in (*self.columns, STATE))
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE _ladder_donors AS "
            f"SELECT t.{quoted(self.key)} AS {_KEY} "
            f"FROM {self._as_it_stands} AS t JOIN (SELECT * FROM ({sizes}) "
            f"ORDER BY n {'DESC' if spared else 'ASC'}, {order} LIMIT 1) AS d "
            f"ON {_same('t', 'd', (*self.columns, STATE))} "
            + (f"ORDER BY {_KEY} LIMIT {missing}" if spared else "")
        )
        self.con.execute(f"DELETE FROM {_MOVING} WHERE {_KEY} IN (FROM _ladder_donors)")
        nothing = ", ".join("NULL" for _ in self.columns)
        self.con.execute(
            f"INSERT INTO {_MOVING} SELECT {_KEY}, {nothing}, {literal(SUPPRESSED)} "
            "FROM _ladder_donors"
        )
        self.con.execute("DROP TABLE _ladder_donors")

    # SQL ----------------------------------------------------------------------------

    @property
    def _listed(self) -> str:
        return ", ".join(map(quoted, self.columns))

    @property
    def _keyed(self) -> str:
        return f"t.{quoted(self.key)} = m.{_KEY}"

    @property
    def _as_it_stands(self) -> str:
        """Select key, quasi-identifiers and state of every row, moved or not."""
        return (
            f"(SELECT t.{quoted(self.key)}, "
            + ", ".join(
                f"CASE WHEN m.{_KEY} IS NULL THEN t.{quoted(c)} ELSE m.{quoted(c)} END "
                f"AS {quoted(c)}"
                for c in self.columns
            )
            + f", coalesce(m.{STATE}, t.{STATE}) AS {STATE} FROM {quoted(self.table)} "
            f"AS t LEFT JOIN {_MOVING} AS m ON {self._keyed})"
        )

    def _sizes(self) -> str:
        """Select the classes that are not suppressed, with their sizes."""
        return (
            f"SELECT {self._listed}, {literal(OK)} AS {STATE}, n FROM {_CLASSES} "
            f"WHERE n >= {self.k} UNION ALL "
            f"SELECT {self._listed}, {STATE}, count(*) AS n FROM {_MOVING} "
            f"WHERE {STATE} <> {literal(SUPPRESSED)} GROUP BY ALL"
        )

    def _change(self, values: str) -> None:
        """Change every row of a class that is still too small."""
        state = ", ".join((self._listed, STATE))
        self.con.execute(
            f"UPDATE {_MOVING} SET {values}, {STATE} = {literal(GENERALISED)} "
            f"WHERE {_KEY} IN (SELECT {_KEY} FROM {_MOVING} QUALIFY "
            f"count(*) OVER (PARTITION BY {state}) < {self.k})"
        )
        nothing = " AND ".join(f"{quoted(c)} IS NULL" for c in self.columns)
        self.con.execute(
            f"UPDATE {_MOVING} SET {STATE} = {literal(SUPPRESSED)} "
            f"WHERE {STATE} = {literal(GENERALISED)} AND {nothing}"
        )


def _of(alias: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{alias}.{quoted(c)}" for c in columns)


def _same(one: str, other: str, columns: tuple[str, ...]) -> str:
    """Return SQL that is true where two rows agree, NULL being a value of its own."""
    return " AND ".join(
        f"{one}.{quoted(c)} IS NOT DISTINCT FROM {other}.{quoted(c)}" for c in columns
    )


def _coarse(column: str, how: Coarser) -> str:
    """Return SQL for a coarser value; one that is in no group is withheld."""
    name = quoted(column)
    if how.width is not None:
        return f"CAST(floor({name} / {how.width}) * {how.width} AS BIGINT)"
    cases = " ".join(
        f"WHEN {name} IN ({', '.join(map(literal, values))}) THEN {literal(group)}"
        for group, values in (how.groups or {}).items()
    )
    return f"CASE {cases} END"
