"""Why a rule exists, in a plain sentence: from the suite's meta or the contract."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from concord.contracts.models import Column
from concord.contracts.registry import Registry
from concord.exceptions import SuiteError
from concord.reporting.model import Need
from concord.settings import Settings

PERSON_RECORD = "person record"
_TYPES = {
    "date": "a real date",
    "timestamp": "a real date and time",
    "time": "a real time of day",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
}
_FILES = {
    "beyond_ascii": "Characters beyond ASCII were decoded as the contract says.",
    "byte_order_mark": "A file began with a byte order mark; it was taken off.",
    "columns_added": "A file has columns that the contract lacks; they are not read.",
    "mixed_line_ends": "Lines ended in two ways; they were made to end in one.",
}
_UNKNOWN = (
    "The rule is no longer on file; it was in force when the delivery was checked."
)


class Reasons:
    """Looks up why a rule exists; reads each suite once."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.registry = registry
        self._suite = cache(lambda feed, table: _read_suite(settings, feed, table))

    def why(self, feed: str, table: str, rule: str) -> str:
        """Return the sentence for a rule of a suite or of a contract."""
        declared = self._suite(feed, table).get(rule)
        if declared is not None:
            return str(declared["meta"]["why"])
        kind, _, name = rule.partition(":")
        if kind == "file":
            return _FILES.get(name, _UNKNOWN)
        if kind == "age":
            return "Between 0 and 120 years lie between birth and event."
        column = self._column(feed, table, name)
        return _contract_sentence(kind, column) if column else _UNKNOWN

    def is_about_table(self, feed: str, table: str, rule: str) -> bool:
        """Say whether a rule judges a table as a whole rather than its rows."""
        declared = self._suite(feed, table).get(rule)
        return declared is not None and declared["type"].startswith("expect_table_")

    def need(self, feed: str, table: str, name: str) -> Need:
        """Say whether the contract asks for a value in every row of a column.

        The vault's person record is made of the columns whose concept is
        ``person.<name>``, wherever the agency keeps them; not every agency sends all.
        """
        contract = self.registry.contracts.get(feed)
        if contract is None:
            return "may be empty"
        if table != PERSON_RECORD:
            column = self._column(feed, table, name)
            return "required" if column and column.required else "may be empty"
        found = [
            column
            for t in contract.tables
            if t.describes_persons
            for column in t.columns
            if column.concept.name == f"person.{name}"
        ]
        if not found:
            return "not sent"
        return "required" if any(c.required for c in found) else "may be empty"

    def _column(self, feed: str, table: str, name: str) -> Column | None:
        contract = self.registry.contracts.get(feed)
        tables = contract.tables if contract else ()
        columns = (c for t in tables if t.name == table for c in t.columns)
        return next((c for c in columns if c.name == name), None)


def _contract_sentence(kind: str, column: Column) -> str:
    """Say what a contract's rule of one kind asks for."""
    codes = column.codelist.name if column.codelist else "the contract"
    parent = column.references.split(".")[0] if column.references else "its parent"
    sentences = {
        "required": "Every row needs a value here.",
        "pattern": "A value has the form that the contract gives.",
        "code": f"A value is one of the agreed codes ({codes}).",
        "length": "A value is as long as the contract allows.",
        "range": "A number lies within the limits that the contract gives.",
        "not-future": "Nothing is dated after the night of its delivery.",
        "unique": "No two rows share a value.",
        "agency": "A row bears a code of the agency that sends it.",
        "conflict": "Rows with the same key say the same.",
        "clock": "A local time is not in an hour that a clock change makes doubtful.",
        "type": f"A value is {_TYPES.get(column.type, 'readable as its type')}.",
        "reference": f"A row belongs to a row of {parent} that exists.",
    }
    if kind not in sentences:
        return _UNKNOWN
    return f"{sentences[kind]} The column: {column.description}"


def _read_suite(settings: Settings, feed: str, table: str) -> dict[str, Any]:
    """Read a suite's rules without the seconds that loading it into GX takes."""
    path = Path(settings.expectations) / feed / f"{table}.json"
    if not path.is_file():
        return {}
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
        return {rule["meta"]["rule"]: rule for rule in suite["expectations"]}
    except (ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{path}: unreadable as a suite: {error!r}") from error
