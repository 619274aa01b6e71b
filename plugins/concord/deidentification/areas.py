"""The smallest area around a place in which enough people live.

Rounding coordinates isolates the only house for miles; so an area is given only where
enough people live, and otherwise the next larger one that contains it. A larger area
then stands for those of its parts that are not given themselves, and they too must have
enough people together: if they have not, the smallest part that could be given joins.

Three grids:

* ``h3:<resolution>``: hexagons of H3, each within one of the next coarser resolution;
* ``square:<km>``: squares, four of which make the next, up to 16 times the side;
* ``census``: GEOIDs of the Census Bureau: block group, tract, county, state.

Who lives where is a table of the site (``include/reference/population_<name>.csv``), of
the finest areas; larger ones have the sum. An area that it does not know is empty.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.references import References
from concord.exceptions import ContractError

KM_PER_DEGREE = 111.32
COARSEST_SQUARE = 16
GEOID_DIGITS = (12, 11, 5, 2)  # block group, tract, county, state


class Grid(Protocol):
    """A way to divide the land into areas that lie within one another."""

    def cell(self, latitude: float, longitude: float) -> str | None:
        """Return the finest area that a point lies in."""

    def parent(self, area: str) -> str | None:
        """Return the next larger area; None for the largest."""


@dataclass(frozen=True)
class H3:
    """Uber's hexagons, by the h3 library."""

    resolution: int

    def cell(self, latitude: float, longitude: float) -> str | None:
        """Return the hexagon of a point."""
        import h3

        return str(h3.latlng_to_cell(latitude, longitude, self.resolution))

    def parent(self, area: str) -> str | None:
        """Return the hexagon of the next coarser resolution."""
        import h3

        if not h3.is_valid_cell(area) or h3.get_resolution(area) == 0:
            return None
        return str(h3.cell_to_parent(area))


@dataclass(frozen=True)
class Squares:
    """Squares of so many kilometres; a row's are as wide as they are high."""

    km: int

    def cell(self, latitude: float, longitude: float) -> str | None:
        """Return the square of a point, as ``<km>km_<row>_<column>``."""
        return _square(self.km, latitude, longitude)

    def parent(self, area: str) -> str | None:
        """Return the square of twice the side in which a square's middle lies."""
        found = re.fullmatch(r"(\d+)km_(-?\d+)_(-?\d+)", area)
        if found is None:
            return None
        km, row, column = map(int, found.groups())
        if km >= COARSEST_SQUARE * self.km:
            return None
        height = km / KM_PER_DEGREE
        width = height / math.cos(math.radians((row + 0.5) * height))
        return _square(2 * km, (row + 0.5) * height, (column + 0.5) * width)


def _square(km: int, latitude: float, longitude: float) -> str:
    height = km / KM_PER_DEGREE
    row = math.floor(latitude / height)
    width = height / math.cos(math.radians((row + 0.5) * height))
    return f"{km}km_{row}_{math.floor(longitude / width)}"


@dataclass(frozen=True)
class Census:
    """GEOIDs: an area's code begins with that of the one it lies in."""

    def cell(self, latitude: float, longitude: float) -> str | None:
        """Return nothing: a point's tract is in no code."""
        return None

    def parent(self, area: str) -> str | None:
        """Return the code of the next larger area."""
        shorter = (n for n in GEOID_DIGITS if n < len(area))
        digits = next(shorter, None)
        return area[:digits] if digits and len(area) in GEOID_DIGITS else None


def grid_of(name: str | None) -> Grid:
    """Read the name of a grid; raises ContractError."""
    kind, _, size = (name or "").partition(":")
    if kind == "h3" and size.isdigit() and int(size) <= 15:
        return H3(int(size))
    if kind == "square" and size.isdigit() and int(size) > 0:
        return Squares(int(size))
    if name == "census":
        return Census()
    raise ContractError(
        f"snap has grid '{name}'. Use h3:<0 to 15>, square:<whole km> or census"
    )


@dataclass(frozen=True)
class Areas:
    """The areas of a grid that may be given."""

    grid: Grid
    given: frozenset[str]

    @classmethod
    def of(cls, action: ConceptAction, references: References) -> "Areas":
        """Read the parameters of ``snap``; raises ContractError."""
        people = references.populations.get(action.population or "")
        if action.minimum is None or people is None:
            raise ContractError(
                f"snap needs a minimum of people and a population, but has "
                f"'{action.minimum}' and '{action.population}'. Add "
                "include/reference/population_<name>.csv with area,population"
            )
        grid = grid_of(action.grid)
        return cls(grid, frozenset(peopled(grid, people, action.minimum)))

    def of_point(self, latitude: float | None, longitude: float | None) -> str | None:
        """Return the area to give of a point; none of one that is no place."""
        if latitude is None or longitude is None or not is_place(latitude, longitude):
            return None
        cell = self.grid.cell(latitude, longitude)
        return None if cell is None else self.of_area(cell)

    def of_area(self, area: str) -> str | None:
        """Return the smallest area that may be given and has this one in it."""
        found: str | None = area
        while found is not None and found not in self.given:
            found = self.grid.parent(found)
        return found


def is_place(latitude: float, longitude: float) -> bool:
    """Say whether coordinates can be a place: on the globe, and not 0, 0."""
    on_globe = -90 <= latitude <= 90 and -180 <= longitude <= 180
    return on_globe and (latitude, longitude) != (0, 0)


def peopled(grid: Grid, finest: Mapping[str, int], minimum: int) -> Iterator[str]:
    """Yield the areas that may be given, each for at least so many people.

    Args:
        grid: How areas lie within one another.
        finest: How many people live in each of the finest areas.
        minimum: How many people an area must stand for.
    """
    level = {area: number for area, number in finest.items() if number}
    while level:
        larger: dict[str, int] = {}
        for parent, parts in _by_parent(grid, level).items():
            kept = _large_enough(parts, level, minimum)
            yield from kept
            left = sum(level[area] for area in parts if area not in kept)
            if parent is not None and left:
                larger[parent] = left
        level = larger


def _by_parent(grid: Grid, areas: Iterable[str]) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for area in areas:
        found.setdefault(grid.parent(area), []).append(area)
    return found


def _large_enough(
    parts: Sequence[str], people: Mapping[str, int], minimum: int
) -> set[str]:
    """Return the parts of an area that may be given, so that the rest is not small."""
    rising = sorted(parts, key=lambda area: (people[area], area))
    together = 0
    while rising and (people[rising[0]] < minimum or 0 < together < minimum):
        together += people[rising.pop(0)]
    return set(rising)


def area_lookup(areas: Areas, values: str, con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return ``value`` and ``made``: the area that is given for each recorded one."""
    found = con.sql(f"SELECT DISTINCT value FROM ({values}) WHERE value IS NOT NULL")
    listed = [str(value) for (value,) in found.fetchall()]
    return pa.table(
        {
            "value": pa.array(listed, pa.string()),
            "made": pa.array([areas.of_area(area) for area in listed], pa.string()),
        }
    )
