"""Columns as GX on pandas sees them, and config values as SQL literals.

GX counts NaN as missing, so a real column's SQL turns NaN into NULL once, here.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from concord.duck import literal, quoted
from concord.exceptions import SuiteError

Family = Literal[
    "text", "integer", "real", "boolean", "date", "timestamp", "instant", "other"
]
_EXACT_BELOW = 2**53  # GX holds every bound as a float, exact only below this
_TYPES: Mapping[str, Family] = {
    **dict.fromkeys(("VARCHAR", "UUID"), "text"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "real"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"), "timestamp"),
    "TIMESTAMP_NS": "timestamp",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "instant",
}
_FORMS: Mapping[Family, str] = {
    "date": "YYYY-MM-DD",
    "timestamp": "YYYY-MM-DDThh:mm:ss",
    "instant": "YYYY-MM-DDThh:mm:ss+00:00",
}
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?"
)


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return quoted(_writable(name))


def text(value: str) -> str:
    """Write a string of the configuration as a SQL literal."""
    return literal(_writable(value))


def _writable(value: str) -> str:
    """Refuse what SQL text can't carry: NUL, and surrogates, which UTF-8 lacks."""
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value):
        raise SuiteError(f"[{value!r}] can't be written in SQL")
    return value


def real(value: float) -> str:
    """Write a number as a DOUBLE literal, infinities included."""
    if math.isnan(value):
        raise SuiteError("[NaN] compares with nothing; leave it out")
    return f"{float(value)!r}::DOUBLE" if math.isfinite(value) else f"'{value}'::DOUBLE"


def moment(value: date) -> str:
    """Write a date or date and time as the literal of its own type."""
    if not isinstance(value, datetime):
        return f"DATE '{value.isoformat()}'"
    if value.tzinfo is None:
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ')}'"


def _kind(value: date) -> Family:
    """Tell which family of columns a date or time belongs to."""
    if not isinstance(value, datetime):
        return "date"
    return "timestamp" if value.tzinfo is None else "instant"


@dataclass(frozen=True)
class Column:
    """One column: its name, its DuckDB type, and how rules see it."""

    name: str
    type: str

    @property
    def family(self) -> Family:
        """The group of types whose values compare with one another."""
        kind = self.type.upper()
        if kind.startswith("ENUM("):
            return "text"
        if kind.startswith("DECIMAL(") and not kind.endswith("]"):
            return "real"
        return _TYPES.get(kind, "other")

    @property
    def group(self) -> str:
        """The family, with both kinds of number as one."""
        return "number" if self.family in ("integer", "real") else self.family

    @property
    def value(self) -> str:
        """SQL for the value as pandas would hold it: NaN is missing."""
        name = identifier(self.name)
        if self.family == "real":
            return f"nullif({name}::DOUBLE, 'nan'::DOUBLE)"
        if self.family == "text" and self.type.upper() != "VARCHAR":
            return f"{name}::VARCHAR"
        return name

    @property
    def present(self) -> str:
        """SQL that tells whether the value is there."""
        return f"{self.value} IS NOT NULL"

    def number(self, value: float) -> str:
        """Write a number for comparison with this numeric column."""
        if self.family == "real":
            return real(value)
        if not abs(value) < _EXACT_BELOW:
            raise SuiteError(
                f"[{value!r}] is beyond 2^53, where GX's bounds are no longer exact"
            )
        return str(int(value)) if value == int(value) else real(value)

    def bound(self, value: Any) -> str:
        """Write a bound that GX itself could compare with this column's values."""
        if isinstance(value, date):
            if _kind(value) == self.family:
                return moment(value)
        elif self.group == "number" and isinstance(value, int | float):
            return self.number(value)
        form = _FORMS.get(self.family)
        raise SuiteError(
            f"bound [{value}] can't be compared with column [{self.name}] "
            f"of type {self.type}" + (f"; write it as {form}" if form else "")
        )

    def members(self, values: Iterable[Any]) -> list[str]:
        """Write the members of a value set; None is never equal to a value."""
        return [self.member(value) for value in values if value is not None]

    def member(self, value: Any) -> str:
        """Write one member of a value set, refusing what could never be equal."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.family == "text" and isinstance(value, str):
            return text(value)
        if self.family == "boolean" and isinstance(value, bool):
            return str(value).upper()
        if self.family == "real" and number:
            return real(value)
        if self.family == "integer" and number and value == value // 1:
            return str(int(value))
        if isinstance(value, str) and (at := self._moment(value)) is not None:
            return moment(at)
        raise SuiteError(
            f"[{value!r}] can never equal a value of column [{self.name}] "
            f"of type {self.type}"
        )

    def _moment(self, value: str) -> date | None:
        """Read a member of a set of dates, where it fits this column."""
        if not _MOMENT.fullmatch(value):
            return None
        if self.family == "date":
            return date.fromisoformat(value) if len(value) == 10 else None
        at = datetime.fromisoformat(value)
        return at if _kind(at) == self.family else None


@dataclass(frozen=True)
class Table:
    """The columns that a suite is compiled for, in the table's order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SuiteError(
            f"column [{name}] is not in the table, which has [{', '.join(self.names)}]"
        )
