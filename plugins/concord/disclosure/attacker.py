"""What follows from published figures: a system of equations, and its extremes.

Every count that figures leave open is a variable between bounds; that cells add up to
their sum is an equation. HiGHS finds the counts that are furthest apart.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concord.disclosure.cells import Shown
from concord.disclosure.counts import Ints
from concord.exceptions import DisclosureRefused

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CLOSE = 1e-6
INFEASIBLE = 2


class Contradiction(DisclosureRefused):
    """Tables that are said to count the same persons can't do so."""


class Attacker:
    """A system of equations over the unknown counts of some tables.

    Args:
        tables: Tables that count the same persons.
        then: The same tables as they were shown again, later and later. The attacker
            reckons that no cell changed by more than one person each time, and where
            the figures show that some did, that as few persons did as possible.
    """

    def __init__(self, tables: Sequence[Shown], *then: Sequence[Shown]) -> None:
        self.ids: list[list[Ints]] = []
        self.cells = 0
        self.equal, self.atmost = _Rows(), _Rows()
        everything = (tables, *then)
        for shown in everything:
            self.ids.append(_numbered(shown, self.cells))
            self.cells = 1 + max(int(each.max()) for each in self.ids[-1])
        self._bound(everything)
        for shown, ids in zip(everything, self.ids, strict=True):
            self._relate(shown, ids)
        self.size = self.cells
        for (before, old), (after, new) in pairwise(
            zip(everything, self.ids, strict=True)
        ):
            self._follow(before, old, after, new)
        self.low: Floats = np.full(self.cells, np.inf)
        self.high: Floats = np.full(self.cells, -np.inf)
        self._settle()

    def _bound(self, everything: Sequence[Sequence[Shown]]) -> None:
        """Take the narrowest interval that any table shows for a count."""
        self.least = np.zeros(self.cells)
        self.most = np.full(self.cells, np.inf)
        hidden = np.ones(self.cells, np.bool_)
        for shown, ids in zip(everything, self.ids, strict=True):
            for table, where in zip(shown, ids, strict=True):
                low, high = table.bounds()
                np.maximum.at(self.least, where, low)
                np.minimum.at(self.most, where, high)
                np.logical_and.at(hidden, where, table.withheld)
        self.withheld = np.flatnonzero(hidden)
        self.told = np.flatnonzero(~hidden & (self.most > 0))

    def _relate(self, tables: Sequence[Shown], ids: Sequence[Ints]) -> None:
        """Write down which cells make up which sum."""
        for table, where in zip(tables, ids, strict=True):
            for axis, adds_up in enumerate(table.additive):
                lines = np.moveaxis(where, axis, -1).reshape(-1, where.shape[axis])
                parts, total = lines[:, :-1], lines[:, -1:]
                if adds_up:
                    self.equal.add(parts, total)
                else:
                    self.atmost.add(total, parts)  # no more in all than in the cells
                    for column in parts.T:
                        self.atmost.add(column[:, None], total)

    def _follow(
        self,
        before: Sequence[Shown],
        old: Sequence[Ints],
        after: Sequence[Shown],
        new: Sequence[Ints],
    ) -> None:
        """Write down that no cell changed by more than one person and some excess."""
        for earlier, was in zip(before, old, strict=True):
            for later, becomes in zip(after, new, strict=True):
                there, here = _common(earlier, later, sums=False)
                first, second = was.ravel()[there], becomes.ravel()[here]
                for up, down in ((second, first), (first, second)):
                    excess = np.arange(self.size, self.size + len(up))
                    self.size += len(up)
                    lines = np.column_stack([down, excess])
                    self.atmost.add(up[:, None], lines, np.ones(len(up)))

    def _settle(self) -> None:
        """Let the excess be as small as the figures allow."""
        self.excess = np.arange(self.cells, self.size)
        self.least = np.append(self.least, np.zeros(self.excess.size))
        self.most = np.append(self.most, np.full(self.excess.size, np.inf))
        if self.excess.size:
            smallest = self.solve(self._weights(self.excess, 1.0))[self.excess].sum()
            none = np.empty((1, 0), np.int64)
            self.atmost.add(self.excess[None, :], none, np.array([smallest + CLOSE]))

    def solve(self, weights: Floats) -> Floats:
        """Return counts that show these figures and have the smallest weighted sum."""
        from scipy.optimize import linprog

        result = linprog(
            weights,
            A_ub=self.atmost.matrix(self.size),
            b_ub=self.atmost.limits(),
            A_eq=self.equal.matrix(self.size),
            b_eq=self.equal.limits(),
            bounds=np.column_stack([self.least, self.most]),
            method="highs",
        )
        if result.status == INFEASIBLE:
            raise Contradiction(
                "figures contradict one another: tables that are said to count the "
                "same persons do not. Nothing is published"
            )
        if not result.success:
            raise DisclosureRefused(
                f"the audit of the tables did not end (HiGHS status {result.status})"
            )
        point: Floats = result.x
        counts = point[: self.cells]
        np.minimum(self.low, counts, out=self.low)
        np.maximum(self.high, counts, out=self.high)
        return point

    def _weights(self, cells: Ints, sign: float) -> Floats:
        weights = np.zeros(self.size)
        weights[cells] = sign
        return weights

    def reach(
        self, cells: Ints, least: int, most: int, *, hurried: bool = False
    ) -> None:
        """Find how small and how large each cell can be, up to what is asked.

        Counts that suit the figures are proof for all cells at once, so as many cells
        as can be are brought to their ends together, and the rest one by one. In a
        hurry, the first cell that can't be brought there ends the search.
        """

        def high(some: Ints) -> Bools:
            return self.low[some] > least + CLOSE

        def low(some: Ints) -> Bools:
            return self.high[some] < most - CLOSE

        for sign, is_open in ((1.0, high), (-1.0, low)):
            self._together(sign, cells, is_open)
            for cell in cells[is_open(cells)]:
                if is_open(cell):
                    self.solve(self._weights(cell, sign))
                    if hurried and is_open(cell):
                        return

    def vary(self, cells: Ints) -> None:
        """Find two counts for each cell that has them."""

        def is_open(some: Ints) -> Bools:
            return np.asarray(self.high[some] - self.low[some] < 1 - CLOSE)

        for sign in (1.0, -1.0):
            self._together(sign, cells, is_open)
        for cell in cells[is_open(cells)]:
            for sign in (1.0, -1.0):
                if is_open(cell):
                    self.solve(self._weights(cell, sign))

    def _together(
        self, sign: float, cells: Ints, is_open: Callable[[Ints], Bools]
    ) -> None:
        """Bring as many cells as can be to one end, until no more come."""
        waiting = cells[is_open(cells)]
        while waiting.size:
            self.solve(self._weights(waiting, sign))
            left = waiting[is_open(waiting)]
            if left.size == waiting.size:
                return
            waiting = left

    def reached(self, cells: Ints, least: int, most: int) -> bool:
        """Say whether each cell was found to be as small and as large as asked."""
        low, high = self.found(cells)
        return bool(((low <= least) & (high >= most)).all())

    def found(self, cells: Ints) -> tuple[Ints, Ints]:
        """Return the smallest and largest whole count found for each cell."""
        low = np.ceil(self.low[cells] - CLOSE).astype(np.int64)
        high = np.floor(self.high[cells] + CLOSE).astype(np.int64)
        return low, high


def _numbered(tables: Sequence[Shown], following: int) -> list[Ints]:
    """Number the cells of all tables; what two tables both show has one number."""
    numbered: list[Ints] = []
    for table in tables:
        ids = np.full(table.figures.shape, -1, np.int64)
        for other, known in zip(tables, numbered, strict=False):
            mine, theirs = _common(table, other)
            ids.ravel()[mine] = known.ravel()[theirs]
        new = ids < 0
        ids[new] = np.arange(following, following + int(new.sum()))
        following += int(new.sum())
        numbered.append(ids)
    return numbered


def _common(one: Shown, other: Shown, *, sums: bool = True) -> tuple[Ints, Ints]:
    """Return where two tables show the same: sums over all but common dimensions."""
    common = [d for d in one.dimensions if d in other.dimensions]
    lengths = [len(d.places if sums else d.values) for d in common]
    grid = np.indices(lengths).reshape(len(common), math.prod(lengths))

    def places(table: Shown) -> Ints:
        flat: Ints = np.zeros(grid.shape[1], np.int64)
        for d in table.dimensions:
            place = grid[common.index(d)] if d in common else len(d.values)
            flat = flat * len(d.places) + place
        return flat

    return places(one), places(other)


class _Rows:
    """Rows of a sparse matrix, each some cells less some others, and their limits."""

    def __init__(self) -> None:
        self.rows: list[Ints] = []
        self.columns: list[Ints] = []
        self.values: list[Floats] = []
        self.most: list[Floats] = []
        self.count = 0
        self._matrix: Any = None

    def add(self, plus: Ints, minus: Ints, most: Floats | None = None) -> None:
        """Add a row for each line: the first cells less the second ones."""
        for cells, value in ((plus, 1.0), (minus, -1.0)):
            lines, width = cells.shape
            self.rows.append(
                np.repeat(np.arange(self.count, self.count + lines), width)
            )
            self.columns.append(cells.ravel())
            self.values.append(np.full(cells.size, value))
        self.most.append(np.zeros(len(plus)) if most is None else most)
        self.count += len(plus)

    def matrix(self, columns: int) -> Any:
        """Return the matrix, or None where there is no row."""
        if self.count and (self._matrix is None or self._matrix.shape[0] < self.count):
            from scipy.sparse import coo_array

            at = (np.concatenate(self.rows), np.concatenate(self.columns))
            shape = (self.count, columns)
            self._matrix = coo_array((np.concatenate(self.values), at), shape).tocsr()
        return self._matrix

    def limits(self) -> Floats | None:
        """Return what each row may come to at most, or exactly."""
        return np.concatenate(self.most) if self.most else None
