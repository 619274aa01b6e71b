"""GX row conditions as SQL that is never NULL.

GX hands a condition to pandas' `query`, where a missing value fails every comparison
but `!=` and `NOT_IN`.
"""

from typing import Any

from concord.exceptions import SuiteError
from concord.validation.columns import Column, Table

_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "="}


def scope(condition: Any, table: Table) -> str:
    """Write the SQL that selects the rows a row condition asks for."""
    if condition is None:
        return "TRUE"
    kind = getattr(condition, "type", None)
    if kind in ("and", "or"):
        parts = (scope(part, table) for part in condition.conditions)
        return f"({f' {kind.upper()} '.join(parts)})"
    if kind == "nullity":
        present = table[condition.column.name].present
        return f"NOT ({present})" if condition.is_null else f"({present})"
    if kind == "comparison":
        column = table[condition.column.name]
        return _comparison(column, str(condition.operator), condition.parameter)
    raise SuiteError(
        "row_condition must be an object of type comparison, nullity, and, or"
    )


def names(condition: Any) -> tuple[str, ...]:
    """Name the columns that a row condition reads."""
    if condition is None:
        return ()
    if condition.type in ("and", "or"):
        return tuple(name for part in condition.conditions for name in names(part))
    return (condition.column.name,)


def _comparison(column: Column, operator: str, parameter: Any) -> str:
    """Compare a column with a parameter of its own type."""
    if column.family not in ("text", "integer", "real", "boolean"):
        raise SuiteError(
            f"row_condition can't compare column [{column.name}] of type "
            f"{column.type}; use unexpected_rows_expectation"
        )
    if operator in ("IN", "NOT_IN"):
        found = f"{column.value} IN ({', '.join(column.members(parameter))})"
        return _known(found if parameter else "FALSE", wanted=operator == "IN")
    if operator == "!=":
        return _known(f"{column.value} = {column.member(parameter)}", wanted=False)
    if column.family == "boolean" and operator != "==":
        raise SuiteError(f"row_condition can't order the booleans of [{column.name}]")
    literal = (
        column.number(parameter)
        if column.group == "number" and _is_number(parameter)
        else column.member(parameter)
    )
    return _known(f"{column.value} {_COMPARISONS[operator]} {literal}", wanted=True)


def _known(test: str, *, wanted: bool) -> str:
    """Make a comparison never NULL: with a missing value it is not TRUE."""
    return f"(({test}) IS {'' if wanted else 'NOT '}TRUE)"


def _is_number(value: Any) -> bool:
    """Tell a number from a boolean, which Python counts among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)
