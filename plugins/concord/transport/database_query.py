"""One table's query and window, and its rows as lines of JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from concord.transport.specs import TableQuery

Bound = int | datetime | str  # a text is a time that the database keeps as text


class TableWindow:
    """One table's query, with the window of rows that are new since the last night."""

    def __init__(self, name: str, table: TableQuery, lower: Bound | None) -> None:
        self.name = name
        self.columns = table.columns
        self._window = table.changed_by
        self._lower = lower
        if isinstance(lower, datetime):
            # Rows are stamped when they are written and seen when they are committed.
            self._lower = lower - timedelta(seconds=table.overlap_seconds)
        schema, _, base = table.from_.rpartition(".")
        named = {*table.columns, *([self._window] if self._window else [])}
        columns: list[sa.ColumnClause[Any]] = [sa.column(c) for c in sorted(named)]
        self._table = sa.table(base, *columns, schema=schema or None)

    def bounds(self) -> sa.Select[Any]:
        """Return the query of how many rows there are and how far they reach."""
        reach = sa.func.max(self._table.c[self._window]) if self._window else sa.null()
        return self._since(sa.select(sa.func.count(), reach).select_from(self._table))

    def rows(self) -> sa.Select[Any]:
        """Return the query of the rows."""
        return self._since(sa.select(*(self._table.c[c] for c in self.columns)))

    def _since(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """Leave out what came before; a row of unknown time may be new, so it comes."""
        if self._window is None or self._lower is None:
            return query
        changed = self._table.c[self._window]
        return query.where((changed > _bind(self._lower)) | changed.is_(None))


def _bind(bound: Bound) -> sa.BindParameter[Any]:
    """Return a bound value of its own type."""
    if isinstance(bound, datetime):
        return sa.literal(bound, sa.DateTime(timezone=bound.tzinfo is not None))
    return sa.literal(bound, sa.BigInteger() if isinstance(bound, int) else sa.Text())


def is_bound(value: object) -> bool:
    """Say whether a value can bound a window; any other may be a person's."""
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | datetime) and not isinstance(value, bool)


def read_bounds(cursor: str) -> dict[str, Bound]:
    """Read how far each table's window reached."""
    told = json.loads(cursor) if cursor else {}
    return {
        table: datetime.fromisoformat(b["time"]) if isinstance(b, dict) else b
        for table, b in told.items()
    }


def write_bounds(reached: Mapping[str, Bound]) -> str:
    """Write how far each table's window reached."""
    told = {
        table: {"time": b.isoformat()} if isinstance(b, datetime) else b
        for table, b in reached.items()
    }
    return json.dumps(told, sort_keys=True)


def json_line(columns: Sequence[str], row: Sequence[Any]) -> bytes:
    """Write a row as a line of JSON."""
    document = dict(zip(columns, row, strict=True))
    text = json.dumps(document, default=_text, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _text(value: object) -> str:
    """Write a value that JSON does not know as the text that contracts read."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
