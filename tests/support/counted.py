"""Made-up tables of counts, of the shapes that disclosure control is measured on."""

import numpy as np

from concord.disclosure.counts import Counts, Dimension
from concord.disclosure.noise import with_sums

SHAPES = {
    "8x7": ((8, 7), 40),
    "12x10": ((12, 10), 60),
    "20x12": ((20, 12), 50),
    "6x5x4": ((6, 5, 4), 25),
    "12x7x4": ((12, 7, 4), 60),
}
"""The five shapes, each with the mean count of a cell."""


def counted(cells, name: str = "table", axes: str = "abc") -> Counts:
    """Return a table of these cells, of whom nobody stands in two."""
    cells = np.asarray(cells, np.int64)
    dimensions = tuple(
        Dimension(axis, tuple(f"{axis}{n}" for n in range(size)))
        for axis, size in zip(axes, cells.shape, strict=False)
    )
    return Counts(name, dimensions, with_sums(cells))


def uneven(shape: tuple[int, ...], mean: float, seed: int) -> Counts:
    """Draw a table in which some rows, columns and cells are much smaller."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(2, 0.5, shape)
    for axis, size in enumerate(shape):
        along = np.ones(len(shape), int)
        along[axis] = size
        weights = weights * (rng.gamma(1.5, 1, size) + 0.1).reshape(along)
    return counted(rng.poisson(weights / weights.mean() * mean))
