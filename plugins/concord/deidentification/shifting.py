"""Dates moved by a number of days, random for each person and one for all theirs.

So order and intervals within a person hold, and the calendar does not. The number is
drawn from the release's key and the person's random id: never nought, and with
``weekday`` whole weeks, so that a Monday stays a Monday. It leaves the vault in the
keymap alone. This is not Safe Harbor.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from concord.contracts.models import (
    Column,
    ConceptAction,
    Contract,
    ReleaseProfile,
    Table,
)
from concord.deidentification.tokens import DIGEST_BYTES, Tokeniser
from concord.duck import one
from concord.exceptions import ContractError, IntegrityError

WEEK = 7
PURPOSE = "Date shift"  # no entity: those begin with three lower-case letters
OFFSET = "date_offset"
EVENTS = frozenset({"event.id", "event.reference", "case.number"})
"""Concepts by which rows of several persons can be about one event."""


@dataclass(frozen=True)
class Shift:
    """How far dates may move, in which steps, and in which days all of them lie."""

    most: int
    step: int
    first: date
    last: date

    @classmethod
    def of(cls, action: ConceptAction) -> "Shift":
        """Read the parameters of ``shift_date``; raises ContractError."""
        if action.days is None or action.window is None:
            raise ContractError(
                "shift_date needs days, how far dates move at most, and window, the "
                "first and last day that any of them has"
            )
        step = WEEK if action.weekday else 1
        first, last = action.window
        if action.days < step or (last - first).days <= 2 * action.days:
            raise ContractError(
                f"shift_date has days {action.days} in a window of "
                f"{(last - first).days}. Take a week at least and less than half of it"
            )
        return cls(action.days // step * step, step, first, last)

    @property
    def last_published(self) -> date:
        """Return the last day that a moved date may have."""
        return self.last - timedelta(days=self.most)

    @property
    def choices(self) -> int:
        """Return how many offsets there are, nought not among them."""
        return 2 * self.most // self.step

    def offsets(self, ids: pa.Array | pa.ChunkedArray, tokens: Tokeniser) -> pa.Array:
        """Return the offset in days of each person id, every one equally likely."""
        drawn = np.full(len(ids), -1, np.int64)
        highest = (1 << 32) // self.choices * self.choices
        for numbers in _draws(ids, tokens):
            usable = (drawn < 0) & (numbers < highest)
            drawn[usable] = numbers[usable] % self.choices
            if (drawn >= 0).all():
                break
        half = self.choices // 2
        steps = np.where(drawn < half, drawn - half, drawn - half + 1)
        return pa.array((steps * self.step).astype(np.int16))

    def sql(self, column: str, offset: str) -> str:
        """Return the moved day; NULL where it would tell which way it was moved.

        Within the inner days every offset is possible; nearer to the window's ends
        only some are.
        """
        moved = f"(CAST({column} AS DATE) + {offset})"
        first = self.first + timedelta(days=self.most)
        return (
            f"CASE WHEN CAST({column} AS DATE) BETWEEN DATE '{self.first}' AND "
            f"DATE '{self.last}' AND {moved} BETWEEN DATE '{first}' AND "
            f"DATE '{self.last_published}' THEN {moved} END"
        )


def shift_of(profile: ReleaseProfile) -> Shift | None:
    """Return the one way in which a profile moves dates, if it does.

    Raises:
        ContractError: It moves some otherwise than others, so intervals would not hold.
    """
    asked = {*profile.concepts.values(), *profile.columns.values()}
    shifts = {Shift.of(a) for a in asked if a.action == "shift_date"}
    if len({(shift.most, shift.step) for shift in shifts}) > 1:
        raise ContractError(
            f"include/releases/{profile.id}.yaml: shift_date has several days or "
            "weekday, so a person's dates would be moved apart. Give all the same"
        )
    return min(shifts, key=lambda shift: (shift.first, shift.last), default=None)


def _draws(
    ids: pa.Array | pa.ChunkedArray, tokens: Tokeniser
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Yield one number of 32 bits an id, again and again, from the release's key."""
    listed = ids.to_pylist()
    block = 0
    while True:
        named = pa.array([f"{block}/{value}" for value in listed], pa.string())
        digests = np.frombuffer(tokens.digests(PURPOSE, named), ">u4")
        yield from digests.reshape(-1, DIGEST_BYTES // 4).T.astype(np.int64)
        block += 1


def check_shiftable(contract: Contract, table: Table, column: str) -> None:
    """Refuse a table in which several persons share a row's date.

    Each would move it by a number of their own; the differences would tell.

    Raises:
        ContractError: A row is of nobody in particular, or of an event of others too.
    """
    shared = table.person is None or any(
        c.concept.name in EVENTS
        and (c,) != table.key
        and not _of_one_person(contract, c)
        for c in table.columns
    )
    if shared:
        raise ContractError(
            f"'{contract.id}.{table.name}.{column}' can't be shifted: its rows are not "
            "of one person each, who would all move the date differently. Use "
            "generalise_date with unit month"
        )


def _of_one_person(contract: Contract, column: Column) -> bool:
    """Say whether what a column refers to has a person of its own."""
    table, _, _ = (column.references or "").partition(".")
    return any(t.name == table and t.person is not None for t in contract.tables)


def verify_shift(
    con: duckdb.DuckDBPyConnection, moved: str, where: str, shift: Shift
) -> None:
    """Check what was moved: by one number a person, never nought, not too far.

    Args:
        con: Connection that sees the relation.
        moved: Relation of ``person``, ``was`` and ``became``.
        where: Table and column, for the error.
        shift: The rule.

    Raises:
        IntegrityError: Something was moved otherwise.
    """
    (wrong,) = one(
        con,
        "SELECT count(*) FROM (SELECT person, became - CAST(was AS DATE) AS days, "
        f"min(days) OVER (PARTITION BY person) AS other FROM {moved} "
        "WHERE became IS NOT NULL) WHERE days = 0 OR days <> other "
        f"OR abs(days) > {shift.most} OR days % {shift.step} <> 0",
    )
    if wrong:
        raise IntegrityError(
            f"{where}: {wrong} dates were not moved as their person's others. Nothing "
            "is published; make the keymap again"
        )
