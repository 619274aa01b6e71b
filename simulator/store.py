"""The county's books: small DuckDB tables of what each agency holds.

Rows stay compact (numbers and short codes) and carry the night of their creation
(``created``), of their last change (``rev``) and of their deletion (``gone``), so a
night's delivery is a filter and every night can be replayed from the seed.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.randomness import Bools, Ints

_LIFE = (
    "defect UTINYINT DEFAULT 0, created SMALLINT NOT NULL, rev SMALLINT NOT NULL, "
    "gone SMALLINT"
)
_RECORD = (
    "seq INTEGER, person INTEGER, first_name VARCHAR, middle_name VARCHAR, "
    "last_name VARCHAR, suffix VARCHAR, birth_date VARCHAR, sex VARCHAR, "
    "race VARCHAR, ethnicity VARCHAR, ssn VARCHAR, state_id VARCHAR, phone VARCHAR, "
    "email VARCHAR, street VARCHAR, city VARCHAR, state VARCHAR, zip VARCHAR"
)
FEEDS = ("police_rms", "probation", "school", "hospital")
TABLES: Mapping[str, str] = {
    **{f"{feed}_person": _RECORD for feed in FEEDS},
    "incident": (
        "seq INTEGER, day INTEGER, minute SMALLINT, delay INTEGER, ucr VARCHAR, "
        "clearance VARCHAR, clearance_lag INTEGER, place INTEGER, "
        "location_code VARCHAR, victim INTEGER, offender INTEGER, token VARCHAR, "
        "happening INTEGER"
    ),
    "offense": (
        "incident INTEGER, number TINYINT, ucr VARCHAR, completed VARCHAR, "
        "weapon VARCHAR, bias VARCHAR"
    ),
    "involvement": (
        "incident INTEGER, record INTEGER, role VARCHAR, number TINYINT, "
        "injury VARCHAR, relationship VARCHAR"
    ),
    "arrest": (
        "seq INTEGER, incident INTEGER, record INTEGER, day INTEGER, kind VARCHAR, "
        "ucr VARCHAR, juvenile VARCHAR"
    ),
    "period": (
        "seq INTEGER, record INTEGER, type VARCHAR, start_day INTEGER, "
        "end_day INTEGER, admission VARCHAR, termination VARCHAR, level VARCHAR, "
        "officer SMALLINT, arrest INTEGER"
    ),
    "violation": (
        "seq INTEGER, period INTEGER, record INTEGER, day INTEGER, type VARCHAR, "
        "severity VARCHAR"
    ),
    "enrollment": (
        "seq INTEGER, record INTEGER, school SMALLINT, year SMALLINT, "
        "entry_day INTEGER, exit_day INTEGER, exit_type VARCHAR, grade TINYINT"
    ),
    "attendance": (
        "seq INTEGER, record INTEGER, school SMALLINT, year SMALLINT, day INTEGER, "
        "category UTINYINT, duration UTINYINT"
    ),
    "discipline": (
        "seq INTEGER, school SMALLINT, day INTEGER, location VARCHAR, "
        "reported BOOLEAN, incident INTEGER, behavior VARCHAR, happening INTEGER"
    ),
    "action": (
        "seq INTEGER, discipline INTEGER, record INTEGER, school SMALLINT, "
        "day INTEGER, kind VARCHAR, length DOUBLE"
    ),
    "encounter": (
        "seq INTEGER, record INTEGER, class VARCHAR, reason VARCHAR, day INTEGER, "
        "minute SMALLINT, stay INTEGER, status VARCHAR, disposition VARCHAR, "
        "happening INTEGER"
    ),
    "condition": (
        "seq INTEGER, encounter INTEGER, record INTEGER, code VARCHAR, "
        "day INTEGER, verification VARCHAR"
    ),
}
# Tables that hang on a person record of a feed, and the column that points to it.
HANGS_ON: Mapping[str, tuple[str, ...]] = {
    "police_rms": ("involvement", "arrest"),
    "probation": ("period", "violation"),
    "school": ("enrollment", "attendance", "action"),
    "hospital": ("encounter", "condition"),
}
EVENT_TABLES = tuple(name for name in TABLES if not name.endswith("_person"))

# A NumPy array, an Arrow array or a list: whatever Arrow takes.
Column: TypeAlias = Any


class Store:
    """A DuckDB database in memory with the county's tables."""

    def __init__(self, memory_limit: str = "5GB") -> None:
        """Create the empty tables."""
        self.connection = duckdb.connect(":memory:")
        self.connection.execute(f"SET memory_limit = '{memory_limit}'")
        self.connection.execute("SET enable_progress_bar = false")
        for name, columns in TABLES.items():
            self.connection.execute(f"CREATE TABLE {name} ({columns}, {_LIFE})")

    def close(self) -> None:
        """Free the memory."""
        self.connection.close()

    def run(self, sql: str, **tables: pa.Table) -> None:
        """Run one statement that may read Arrow tables by name."""
        for name, table in tables.items():
            self.connection.register(name, table)
        self.connection.execute(sql)
        for name in tables:
            self.connection.unregister(name)

    def append(self, table: str, night: int, columns: Mapping[str, Column]) -> None:
        """Add rows that begin to exist on this night."""
        self.run(
            f"INSERT INTO {table} BY NAME SELECT *, {night} AS created, "
            f"{night} AS rev FROM rows_added",
            rows_added=pa.table({key: _array(value) for key, value in columns.items()}),
        )

    def column(self, sql: str) -> Ints:
        """Read one integer column; NULL becomes -1."""
        return self.columns(sql)[0]

    def columns(self, sql: str, **tables: pa.Table) -> list[Ints]:
        """Read integer columns, also from Arrow tables by name; NULL becomes -1."""
        for name, table in tables.items():
            self.connection.register(name, table)
        result = self.connection.sql(sql).to_arrow_table()
        for name in tables:
            self.connection.unregister(name)
        return [
            column.cast(pa.int64()).fill_null(-1).to_numpy().astype(np.int64)
            for column in result.columns
        ]

    def number(self, sql: str) -> int:
        """Read one number."""
        rows = self.connection.execute(sql).fetchall()
        return int(rows[0][0] or 0) if rows else 0

    def next_number(self, table: str) -> int:
        """Give the number of the next row of a table."""
        return self.number(f"SELECT max(seq) + 1 FROM {table}")

    def delete(self, table: str, night: int, key: str, values: Ints) -> None:
        """Mark rows as deleted on this night."""
        self.run(
            f"UPDATE {table} SET gone = {night}, rev = {night} "
            f"WHERE gone IS NULL AND {key} IN (SELECT value FROM keys_gone)",
            keys_gone=pa.table({"value": pa.array(values)}),
        )


def _array(value: Column) -> pa.Array:
    if isinstance(value, pa.Array):
        return value
    array = pa.array(value)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def optional(values: Ints, present: Bools) -> pa.Array:
    """Make an integer column with NULL where nothing is present."""
    return pa.array(values, mask=~present)


def optional_text(values: NDArray[Any], present: Bools) -> pa.Array:
    """Make a text column with NULL where nothing is present."""
    return pa.array(values.astype(str), mask=~present, type=pa.string())
