"""SQL that gives the same result whenever it runs, and reckons no ages of its own."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from concord.exceptions import ConfigError

CLOCK = frozenset(
    {
        "current_date", "current_time", "current_timestamp", "get_current_time",
        "get_current_timestamp", "localtime", "localtimestamp", "now", "today",
        "transaction_timestamp",
    }
)  # fmt: skip
CHANCE = frozenset({"gen_random_uuid", "random", "setseed", "uuid", "uuidv4", "uuidv7"})
DIFFERENCES = frozenset({"date_diff", "datediff", "date_sub", "datesub"})
EXACT = frozenset({"day", "hour", "minute", "second", "millisecond", "microsecond"})


def check_pure(path: Path, sql: str, nodes: Iterable[dict[str, Any]]) -> None:
    """Refuse SQL whose result depends on when it runs, or that reckons ages itself.

    Raises:
        ConfigError: It reads the clock or draws lots, or takes the difference of dates
            by a function that counts turns of the calendar year.
    """
    for node in nodes:
        names = {str(node.get("function_name", "")).lower()}
        if node.get("class") == "COLUMN_REF":
            names |= {str(name).lower() for name in node["column_names"]}
        if found := sorted(names & (CLOCK | CHANCE)):
            raise ConfigError(
                f"{path}:{_line(sql, node)}: '{found[0]}' would give another result at "
                "another time. Take the night from a column"
            )
        function = str(node.get("function_name", "")).lower()
        if function == "age" or (function in DIFFERENCES and _unit(node) not in EXACT):
            raise ConfigError(
                f"{path}:{_line(sql, node)}: '{function}' makes people up to a year "
                "too old. Ages are derived in the split; subtract dates for days"
            )


def _unit(node: dict[str, Any]) -> str:
    """Return the unit that a difference is asked for in; empty if not written out."""
    first = node["arguments"][0]["expression"]
    return str(first.get("literal", {}).get("text", "")).lower().removesuffix("s")


def _line(sql: str, node: dict[str, Any]) -> int:
    return line_of(sql, position=int(node.get("query_location") or 0))


def line_of(sql: str, word: str = "", *, position: int = 0) -> int:
    """Return the line of a query on which a word first stands, or a character."""
    found = re.search(rf"\b{re.escape(word)}\b", sql) if word else None
    return sql.count("\n", 0, found.start() if found else position) + 1
