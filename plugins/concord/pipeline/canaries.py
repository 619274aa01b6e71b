"""Planted people for any feed, made from nothing but its contract.

Each of a feed's canaries takes another way through the code. Every text of theirs is
unique, so that wherever one is found, it leaked.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from concord.contracts.models import Column, Contract, Table

MARK = "zqx"
DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
AGES = (*(34,) * 20, 12, 95)  # of the valid ones: many alike, a minor, over ninety
WAYS = ("untyped", "unknown code", "born tomorrow", "without what is required")
EACH = len(AGES) + len(WAYS)
_PLAIN = ("plain", "A1", *("1" * length for length in range(1, 17)))
_DATES = {"date": "%Y-%m-%d", "timestamp": "%Y-%m-%dT%H:%M:%S"}

Row = dict[str, str | None]


@dataclass(frozen=True)
class Canaries:
    """A feed's planted rows as its agency might send them, and their strings."""

    contract: Contract
    rows: Mapping[str, list[Row]]
    tokens: tuple[tuple[str, ...], ...]
    """For each planted person, the strings that give it away."""

    @property
    def tells_of_persons(self) -> bool:
        """Say whether anything of the feed goes to the vault."""
        columns = (c for table in self.contract.tables for c in table.columns)
        return any(column.concept.zone == "vault" for column in columns)

    def lines(self, table: str, *, without: str | None = None) -> bytes:
        """Return a table's rows as JSON lines, perhaps without one column."""
        kept = [
            {name: value for name, value in row.items() if name != without}
            for row in self.rows[table]
        ]
        return "".join(json.dumps(row) + "\n" for row in kept).encode()


def canaries(
    contract: Contract,
    night: date,
    choose: Callable[[int], int],
    shown: Collection[str] = (),
) -> Canaries:
    """Make a feed's canaries.

    Args:
        contract: The feed's contract.
        night: The night on which they are delivered.
        choose: Gives a random number below another.
        shown: Columns, ``table.column``, of which a release may show what stands there,
            such as the city of an event: their values give nobody away.
    """
    flat = _flat(contract)
    names = [
        MARK + "".join(DIGITS[choose(len(DIGITS))] for _ in range(9))
        for _ in range(EACH)
    ]
    rows = {
        table.name: [_row(flat, table, name, n, night) for n, name in enumerate(names)]
        for table in flat.tables
    }
    tokens = tuple(
        tuple(
            sorted(
                {
                    value
                    for table, of_table in rows.items()
                    for column, value in (of_table[number] or {}).items()
                    if value and MARK in value.lower()
                    if f"{table}.{column}" not in shown
                }
            )
        )
        for number in range(EACH)
    )
    for table in flat.tables:
        if any(c.one_value and c.key_position for c in table.columns):
            del rows[table.name][1:]  # it describes the delivery
        else:
            rows[table.name].append(dict(rows[table.name][0]))  # the same key twice
    return Canaries(flat, rows, tokens)


def _flat(contract: Contract) -> Contract:
    """Return the contract of the same rows as plain JSON lines, complete every night.

    What an agency's file looks like is the business of its transport and its samples;
    the types, rules, codes, references and places of the columns stay as they are.
    """
    tables = tuple(
        table.model_copy(
            update={
                "source": table.name, "records": None, "member": None, "each": None,
                "deletes": None, "key_changes": None,
                "columns": tuple(
                    column.model_copy(
                        update={"source": column.name, "renamed_from": None}
                    )
                    for column in table.columns
                ),
            }
        )
        for table in contract.tables
    )  # fmt: skip
    delivery = contract.delivery.model_copy(
        update={
            "mode": "full", "format": "ndjson", "packing": None, "trailer": None,
            "encoding": "utf-8", "delete_mode": "none", "max_bad_share": 1.0,
            "max_unknown_share": 1.0,
        }
    )  # fmt: skip
    return contract.model_copy(update={"tables": tables, "delivery": delivery})


def _row(contract: Contract, table: Table, name: str, number: int, night: date) -> Row:
    """Make one canary's row of a table, bent as its way wants it."""
    row: Row = {c.name: _value(contract, c, name, number, night) for c in table.columns}
    way = WAYS[number - len(AGES)] if number >= len(AGES) else None
    for column in table.columns:
        wrong = {
            "untyped": column.type != "string" and name,
            "unknown code": column.codelist is not None and name,
            "born tomorrow": column.concept.name == "person.birth_date"
            and _dated(column, night + timedelta(days=2)),
        }.get(way or "")
        if wrong:
            row[column.name] = wrong
        if way == "without what is required" and column.required:
            row[column.name] = row[column.name] if column.key_position else None
    return row


def _value(
    contract: Contract, column: Column, name: str, number: int, night: date
) -> str:
    """Make a value that the column takes, as far as its pattern lets a canary in."""
    concept = column.concept.name
    if column.one_value:
        return f"{MARK}extract"
    if column.codelist:
        return _code(column)
    if column.agency_codes:
        return column.agency_codes[0]
    if column.type in _DATES:
        age = AGES[number] if number < len(AGES) else AGES[0]
        years = age if concept == "person.birth_date" else 1
        return _dated(column, night - timedelta(days=int(years * 365.25) + number))
    if column.type != "string":
        return f"{column.minimum:g}" if isinstance(column.minimum, float) else "1"
    if not _is_canary(column):
        return next((t for t in _PLAIN if _fits(column, t)), _PLAIN[0])
    if column.references:
        table, _, target = column.references.partition(".")
        (referred,) = (
            c for t in contract.tables if t.name == table
            for c in t.columns if c.name == target
        )  # fmt: skip
        text = _text(referred, name, number)
    else:
        text = _text(column, name, number)
    return f"{column.strip_prefix[0]}{text}" if column.strip_prefix else text


def _is_canary(column: Column) -> bool:
    """Say whether what stands in a column must not leave as it is.

    What describes an event (a beat, a case's number) may be published, so a canary
    there would be no leak.
    """
    identity = column.concept.identity
    return identity in ("direct", "free_text") or column.names_a_thing


def _code(column: Column) -> str:
    """Return a code; a row that says what happened to it was added."""
    assert column.codelist is not None
    codes = list(column.codelist.codes)
    added = [code for code in codes if code.upper()[0] in "IA"]
    return (
        (added or codes)[0] if column.concept.name == "technical.action" else codes[0]
    )


def _dated(column: Column, day: date) -> str:
    form = next((f for f in column.formats if "%" in f), _DATES.get(column.type, ""))
    return day.strftime(form or _DATES["date"])


def _text(column: Column, name: str, number: int) -> str:
    """Return the first way of writing a canary's name that the column takes."""
    digits = f"{sum(ord(letter) * 31**n for n, letter in enumerate(name)) % 10**16:016}"
    part = column.name.replace("_", "")[:6]
    ways = [
        f"{name}{part}", name, f"{name}{part}".upper(), name.upper(),
        f"{name}@example.org", f"9{digits[:2]}-{digits[2:4]}-{digits[4:8]}",
        f"217-555-01{number:02}", f"4{number:03} {name} Ln",
        *(digits[:length] for length in range(16, 0, -1)),
        *(f"{letter}{digits[:length]}" for letter in "ABCDEPS" for length in (8, 7, 6)),
    ]  # fmt: skip
    shape = {"person.email": 4, "person.ssn": 5, "person.phone": 6, "person.street": 7}
    first = shape.get(column.concept.name, 0)
    ordered = [ways[first], *ways]
    return next((way for way in ordered if _fits(column, way)), ways[0])


def _fits(column: Column, text: str) -> bool:
    return (
        (column.pattern is None or re.search(column.pattern, text) is not None)
        and (column.max_length is None or len(text) <= column.max_length)
        and (column.min_length is None or len(text) >= column.min_length)
    )
