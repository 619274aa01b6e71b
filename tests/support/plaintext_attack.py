"""What a centre without the key can learn from encodings of people whom it knows.

It holds names of linked people beside their encodings, learns which bits each pair of
neighbouring letters of a surname sets, and reads the surnames of everybody else. A
second attack is simpler: take the surname of the known person most like the record.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from concord.pprl.encoder import BITS, HASHES, Encodings
from concord.pprl.values import Person, parts

SEEN = 4  # a part must be seen in so many known people before its bits are believed


def surnames_read(
    known: Encodings, names: Sequence[Person], others: Encodings, dictionary: list[str]
) -> list[list[str | None]]:
    """Return for each encoding what surname each of the others is read as."""
    return [
        _read(
            _unpacked(known, number)[known.present[:, number]],
            [n for n, p in zip(names, known.present[:, number], strict=True) if p],
            _unpacked(others, number),
            dictionary,
        )
        for number in range(known.bits.shape[1])
    ]


def nearest_surnames(
    known: Encodings, names: Sequence[Person], others: Encodings
) -> list[str]:
    """Return for each other record the surname of the known person most like it."""
    best = np.zeros((len(others), len(known)), np.float32)
    for number in range(known.bits.shape[1]):
        one, two = (_unpacked(e, number).astype(np.float32) for e in (others, known))
        alike = 2 * (one @ two.T)
        alike /= np.maximum(one.sum(1)[:, None] + two.sum(1)[None], 1)
        np.maximum(best, alike, out=best)
    return [names[at].surname for at in best.argmax(1)]


def recovered(read: Sequence[str | None], truth: Sequence[Person]) -> float:
    """Return the share of records whose surname was read rightly."""
    return sum(a == b.surname for a, b in zip(read, truth, strict=True)) / len(truth)


def _read(
    known: np.ndarray,
    names: Sequence[Person],
    others: np.ndarray,
    dictionary: list[str],
) -> list[str | None]:
    places = _learn(known, names)
    marks, guessed = [], []
    for surname in dictionary:
        known_parts = [places[p] for p in parts("surname", surname) if p in places]
        if len(known_parts) > 1:
            mark = np.zeros(BITS, np.float32)
            mark[np.concatenate(known_parts)] = 1
            marks.append(mark)
            guessed.append(surname)
    if not marks:
        return [None] * len(others)
    usual, wanted = others.mean(0, dtype=np.float32), np.array(marks).T
    spread = np.sqrt((usual * (1 - usual)) @ wanted + 1e-9)
    scores = ((others - usual) @ wanted) / spread
    return [guessed[at] for at in scores.argmax(1)]


def _learn(known: np.ndarray, names: Sequence[Person]) -> dict[str, np.ndarray]:
    """Return the bits that each part most likely sets."""
    bearers = defaultdict(list)
    for at, one in enumerate(names):
        for part in parts("surname", one.surname):
            bearers[part].append(at)
    places = {}
    for part, rows in bearers.items():
        if len(rows) >= SEEN and len(rows) < len(names):
            share = known[rows].mean(0)
            elsewhere = (known.sum(0) - known[rows].sum(0)) / (len(known) - len(rows))
            order = np.argsort(elsewhere - share, kind="stable")
            places[part] = order[: HASHES["surname"]]
    return places


def _unpacked(encodings: Encodings, number: int) -> np.ndarray:
    return np.unpackbits(encodings.bits[:, number], axis=1)
