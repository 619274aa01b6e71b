"""Which encodings are alike: blocking by samples of bits, Dice, one to one.

Two encodings are looked at together if they agree on one of many fixed samples of bits
(locality-sensitive hashing): nothing about a person is needed to block. The samples
are the same every night, so the result depends on the encodings alone.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concord.pprl.encoder import BITS, Encodings

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SEED = 20260105
_UNRELATED = 0.55  # how often a bit of two unrelated encodings agrees
_RELATED = 0.78  # how often one does at a Dice of about 0.7
_MISSED = 0.01  # the share of such pairs that no sample brings together
_STRANGERS = 4  # how many unrelated encodings a sample brings to each
_AT_ONCE = 1 << 18  # pairs compared in one go: 64 MiB


@dataclass(frozen=True)
class Matches:
    """Pairs of records and the highest Dice of their encodings, best first."""

    left: Ints
    right: Ints
    dice: Floats


def match(left: Encodings, right: Encodings, threshold: float) -> Matches:
    """Return the pairs of which at least one encoding is as alike as ``threshold``.

    An encoding that a record lacks matches nothing.
    """
    found = [
        pair
        for number in range(left.bits.shape[1])
        for pair in _alike(left, right, number, threshold)
    ]
    if not found:
        none = np.zeros(0, np.int64)
        return Matches(none, none, np.zeros(0))
    one, other, dice = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((other, one, -dice))
    pair = one[order] * max(len(right), 1) + other[order]
    first = np.sort(np.unique(pair, return_index=True)[1])
    return Matches(one[order][first], other[order][first], dice[order][first])


def dice(left: Encodings, right: Encodings) -> Floats:
    """Return the highest Dice of each pair of records standing side by side."""
    both = left.present & right.present
    common = np.bitwise_count(left.bits & right.bits).sum(axis=2, dtype=np.int64)
    total = _ones(left) + _ones(right)
    alike = np.where(both & (total > 0), 2 * common / np.maximum(total, 1), 0.0)
    best: Floats = alike.max(axis=1, initial=0.0)
    return best


def groups(
    matches: Sequence[tuple[float, int, int]], source: Sequence[Hashable]
) -> Ints:
    """Group nodes by their best matches, never two of one source.

    Args:
        matches: Dice and the two nodes of each pair.
        source: Where each node comes from. A source holds a person once, so two of its
            nodes are never put together, not even by way of a third.

    Returns:
        For each node the smallest node of its group. Ties go to the lowest nodes.
    """
    home = list(range(len(source)))
    members = [[node] for node in home]
    sources = [{one} for one in source]
    for _, left, right in sorted(matches, key=lambda m: (-m[0], m[1], m[2])):
        kept, joined = sorted((home[left], home[right]))
        if kept == joined or sources[kept] & sources[joined]:
            continue
        for node in members[joined]:
            home[node] = kept
        members[kept] += members[joined]
        sources[kept] |= sources[joined]
    return np.array(home, np.int64)


def _alike(
    left: Encodings, right: Encodings, number: int, threshold: float
) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield the pairs that one encoding finds alike, some of them more than once."""
    ours = np.flatnonzero(left.present[:, number])
    theirs = np.flatnonzero(right.present[:, number])
    if not len(ours) or not len(theirs):
        return
    one, other = left.bits[ours, number], right.bits[theirs, number]
    ones = [np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in (one, other)]
    words = [np.ascontiguousarray(bits).view(np.uint64) for bits in (one, other)]
    for sample in _samples(math.isqrt(len(ours) * len(theirs))):
        for at, to in _meeting(_sampled(one, sample), _sampled(other, sample)):
            common = np.bitwise_count(words[0][at] & words[1][to]).sum(
                axis=1, dtype=np.int64
            )
            alike = 2 * common / (ones[0][at] + ones[1][to])
            good = alike >= threshold
            yield ours[at[good]], theirs[to[good]], alike[good]


def _samples(count: int) -> Iterator[Ints]:
    """Yield the samples of bits for so many encodings: more and longer for many."""
    size = math.ceil(math.log(max(count, 1) / _STRANGERS) / -math.log(_UNRELATED))
    size = min(max(size, 4), 24)
    many = math.ceil(math.log(_MISSED) / math.log1p(-(_RELATED**size)))
    random = np.random.Generator(np.random.PCG64(_SEED))
    for _ in range(many):
        yield random.choice(BITS, size, replace=False)


def _sampled(bits: npt.NDArray[np.uint8], sample: Ints) -> Ints:
    """Return the sampled bits of each encoding as one number."""
    drawn = (bits[:, sample // 8] >> (7 - sample % 8).astype(np.uint8)) & 1
    return drawn.astype(np.int64) @ (1 << np.arange(len(sample), dtype=np.int64))


def _meeting(left: Ints, right: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the pairs of places that hold one number, not too many at once."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, "left")
    last = np.searchsorted(right[order], left, "right")
    ends = np.cumsum(last - first)
    begin = 0
    while begin < len(left):
        done = ends[begin - 1] if begin else 0
        end = max(int(np.searchsorted(ends, done + _AT_ONCE, "right")), begin + 1)
        counts = (last - first)[begin:end]
        one = np.repeat(np.arange(begin, end), counts)
        step = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield one, order[np.repeat(first[begin:end], counts) + step]
        begin = end


def _ones(encodings: Encodings) -> Ints:
    """Return how many bits of each encoding are set."""
    ones: Ints = np.bitwise_count(encodings.bits).sum(axis=2, dtype=np.int64)
    return ones
