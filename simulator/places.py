"""Addresses of the county: streets, house numbers, ZIP codes, coordinates."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from simulator.names import read_table
from simulator.randomness import Floats, Ints, chance, cumulative, pick

_TYPES = ("St", "Ave", "Dr", "Rd", "Ln", "Ct", "Blvd", "Pl", "Way")
_TYPE_WEIGHTS = (30, 22, 18, 9, 8, 6, 3, 2, 2)
_DIRECTIONS = ("", "N ", "S ", "E ", "W ")
_STREETS = 2400


@dataclass(frozen=True)
class Streets:
    """The county's streets; each lies in one ZIP code."""

    text: tuple[str, ...]
    zip_place: Ints
    latitude: Floats
    longitude: Floats
    distribution: Floats
    zips: tuple[str, ...]
    cities: tuple[str, ...]


@lru_cache(maxsize=1)
def streets() -> Streets:
    """Lay out the same streets for every county."""
    rng = np.random.default_rng(62701)
    zips = read_table("zips.csv")
    names = [row["name"] for row in read_table("streets.csv")]
    direction = pick(rng, cumulative((12, 2, 2, 2, 2)), _STREETS)
    kind = pick(rng, cumulative(_TYPE_WEIGHTS), _STREETS)
    name = rng.integers(0, len(names), _STREETS)
    text = tuple(
        f"{_DIRECTIONS[d]}{names[n]} {_TYPES[t]}"
        for d, n, t in zip(direction, name, kind, strict=True)
    )
    place = pick(rng, cumulative([float(z["weight"]) for z in zips]), _STREETS)
    centre = np.array([[float(z["latitude"]), float(z["longitude"])] for z in zips])
    spread = rng.normal(0, 0.011, (_STREETS, 2))
    return Streets(
        text=text,
        zip_place=place,
        latitude=centre[place, 0] + spread[:, 0],
        longitude=centre[place, 1] + spread[:, 1],
        distribution=cumulative((np.arange(_STREETS) + 30.0) ** -0.5),
        zips=tuple(z["zip"] for z in zips),
        cities=tuple(z["city"] for z in zips),
    )


def draw_places(rng: np.random.Generator, first: int, count: int) -> pa.Table:
    """Draw so many addresses, numbered from ``first``."""
    known = streets()
    street = pick(rng, known.distribution, count)
    house = rng.integers(1, 60, count) * 100 + rng.integers(0, 100, count)
    unit = np.where(chance(rng, 0.22, count), rng.integers(1, 40, count), 0)
    zip_place = pa.array(known.zip_place[street])
    return pa.table(
        {
            "place": pa.array(np.arange(first, first + count)),
            "house": pa.array(house),
            "street_name": pa.array(known.text).take(pa.array(street)),
            "unit": pa.array(unit),
            "city": pa.array(known.cities).take(zip_place),
            "zip": pa.array(known.zips).take(zip_place),
            "latitude": pa.array(np.round(known.latitude[street] + house * 7e-7, 6)),
            "longitude": pa.array(np.round(known.longitude[street] + house * 5e-7, 6)),
            "beat": pa.array(known.zip_place[street] * 3 + street % 3 + 11),
        }
    )
