"""Decisions about pairs of records: who decided what, when, why, and from which night.

A decision is never changed and never deleted. It holds until a later one undoes it, and
both stay on record. It holds from a night on, so that an earlier night that runs again
gives what it gave.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Literal

import pyarrow as pa

from concord.exceptions import LinkageError
from concord.linkage.rulings import Pair, Rulings

Kind = Literal["join", "part", "undo"]
LOG = pa.schema(
    [
        ("number", pa.int64()),
        ("kind", pa.string()),
        ("one", pa.string()),
        ("other", pa.string()),
        ("reason", pa.string()),
        ("by", pa.string()),
        ("since", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("undoes", pa.int64()),
    ]
)
SHORTEST_REASON = 8
SHORTEST_NAME = 3


@dataclass(frozen=True)
class Wish:
    """What somebody wants to decide about two records."""

    kind: Literal["join", "part"]
    one: str
    other: str
    reason: str

    @property
    def pair(self) -> Pair:
        """Return both records, the smaller key first."""
        one, other = sorted((self.one, self.other))
        return one, other


@dataclass(frozen=True)
class Decision:
    """One decision about two records, or one that undoes another."""

    number: int
    kind: Kind
    one: str
    other: str
    reason: str
    by: str
    since: date
    at: datetime
    undoes: int | None = None

    @property
    def pair(self) -> Pair:
        """Return both records, the smaller key first."""
        return self.one, self.other


def in_force(log: Iterable[Decision], night: date) -> tuple[Decision, ...]:
    """Return the decisions that hold on a night, oldest first."""
    given = [decision for decision in log if decision.since <= night]
    undone = {decision.undoes for decision in given}
    return tuple(d for d in given if d.kind != "undo" and d.number not in undone)


def rulings_of(decisions: Iterable[Decision]) -> Rulings:
    """Return what decisions in force say about pairs."""
    held = tuple(decisions)
    return Rulings(
        joined=frozenset(d.pair for d in held if d.kind == "join"),
        parted=frozenset(d.pair for d in held if d.kind == "part"),
    )


def decide(
    log: Iterable[Decision],
    wishes: Iterable[Wish],
    *,
    by: str,
    since: date,
    at: datetime,
) -> tuple[Decision, ...]:
    """Return the decisions that fulfil all wishes, or refuse them together.

    Raises:
        LinkageError: ``DECISION_REFUSED``: one says nothing new, contradicts what
            holds, or lacks a reason or a name.
    """
    log, made = tuple(log), []
    held = {d.pair: d for d in in_force(log, date.max)}
    number = max((d.number for d in log), default=0)
    for place, wish in enumerate(wishes, start=1):
        _check_words(wish.reason, by)
        where = f"wish {place}"
        if wish.one == wish.other:
            raise refused(f"{where} names one record twice", "Name two records")
        if wish.pair in held:
            raise refused(
                f"{where}: the pair has been decided as {held[wish.pair].kind!r} "
                f"(decision {held[wish.pair].number})",
                "Undo that decision first if it is wrong",
            )
        number += 1
        decision = Decision(number, wish.kind, *wish.pair, wish.reason, by, since, at)
        held[wish.pair] = decision
        if rulings_of(held.values()).contradiction():
            raise refused(
                f"{where} contradicts decisions in force: records would be joined "
                "through others and parted at once",
                "List the decisions about these records and undo the wrong one first",
            )
        made.append(decision)
    return tuple(made)


def undo(
    log: Iterable[Decision], number: int, *, reason: str, by: str, since: date,
    at: datetime,
) -> Decision:  # fmt: skip
    """Return the decision that undoes another; raises LinkageError if none holds."""
    log = tuple(log)
    _check_words(reason, by)
    undone = next((d for d in in_force(log, date.max) if d.number == number), None)
    if undone is None:
        raise refused(
            f"no decision {number} is in force", "See `concord linkage decisions`"
        )
    newest = max(d.number for d in log)
    return Decision(
        newest + 1, "undo", *undone.pair, reason, by, since, at, undoes=number
    )


def to_table(log: Iterable[Decision]) -> pa.Table:
    """Write decisions as a table, as the vault keeps them."""
    return pa.Table.from_pylist([asdict(decision) for decision in log], schema=LOG)


def from_table(table: pa.Table) -> tuple[Decision, ...]:
    """Read decisions from the vault's table."""
    names = [field.name for field in fields(Decision)]
    return tuple(Decision(**row) for row in table.select(names).to_pylist())


def refused(detail: str, remedy: str) -> LinkageError:
    """Make the error for a decision that cannot be taken; names no record."""
    return LinkageError("DECISION_REFUSED", detail, remedy)


def _check_words(reason: str, by: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON or len(by.strip()) < SHORTEST_NAME:
        raise refused(
            "a decision needs a reason and the role of who decides",
            f"Give a reason of {SHORTEST_REASON} letters or more and a role",
        )
