"""Random draws that depend only on the seed, the topic and the night."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def generator(seed: int, topic: str, night: int = 0) -> np.random.Generator:
    """Give an independent stream for one topic of one night."""
    key = (zlib.crc32(topic.encode()), night)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def cumulative(weights: ArrayLike) -> Floats:
    """Turn weights into a cumulative distribution that ends at exactly 1."""
    total = np.cumsum(np.asarray(weights, dtype=np.float64))
    if not len(total) or total[-1] <= 0:
        raise ValueError("weights must hold at least one positive number")
    shares: Floats = total / total[-1]
    return shares


def pick(rng: np.random.Generator, distribution: Floats, size: int) -> Ints:
    """Draw positions from a cumulative distribution."""
    places = np.searchsorted(distribution, rng.random(size), side="right")
    return np.minimum(places, len(distribution) - 1).astype(np.int64)


def choose(
    rng: np.random.Generator, options: Sequence[Any], weights: ArrayLike, size: int
) -> NDArray[Any]:
    """Draw values from a short list of weighted options."""
    return np.asarray(options)[pick(rng, cumulative(weights), size)]


def chance(rng: np.random.Generator, share: ArrayLike, size: int) -> Bools:
    """Draw true with the given share (one number, or one for each row)."""
    hits: Bools = rng.random(size) < np.asarray(share)
    return hits


def sample(rng: np.random.Generator, values: Ints, size: int) -> Ints:
    """Take at most ``size`` different values, in random order."""
    size = min(size, len(values))
    return rng.choice(values, size=size, replace=False) if size else values[:0]


def scatter(index: Ints, modulus: int, salt: int) -> Ints:
    """Map numbers one to one into [0, modulus), far from their order.

    The multiplier is prime and below 2**31, so that products of a million-sized
    index stay inside 64 bits and no two numbers meet.
    """
    multiplier = 1_500_450_271
    if modulus % multiplier == 0:
        raise ValueError("the modulus must not be a multiple of the multiplier")
    return (index * multiplier + salt % modulus) % modulus
