"""Person records as bits: salted, keyed Bloom filters (CLKs).

One encoding is 1,024 bits. For each part of each value, ``HASHES`` bits are set whose
places AES-256 chooses under a key made of the linkage key and the record's salt. Two
records with one salt share the bits of the parts they share; two with different salts
are unrelated. Last, ``FLIPS`` bits chosen by a keyed hash of the encoding are turned
over: the same record gets the same noise every night, so nights can't be averaged.
"""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from concord.pprl.keys import LinkageKey
from concord.pprl.values import FieldName, Mode, Person, parts, salts

BITS = 1024
BYTES = BITS // 8
FLIPS = 26  # 2.5 % of the bits: what BLIP turns over with f = 0.05
HASHES: dict[FieldName, int] = {
    "given_name": 15,
    "surname": 15,
    "birth_date": 15,
    "street": 9,
    "city": 6,
    "postcode": 6,
}
"""How many bits each part of a value sets: how much the field counts."""

ENCODINGS: dict[Mode, tuple[str, ...]] = {
    "hardened": ("encoding_birth", "encoding_name"),
    "plain": ("encoding_all",),
}
"""The encodings of a record in each mode, in order."""

BATCH = 2048
# Not used to hide blocks but as a pseudorandom function of each; no block twice.
_BLOCKWISE = modes.ECB()  # noqa: S305
_PLACES = 16  # two AES blocks hold sixteen places of two bytes each
Bits = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Encodings:
    """Encodings of records: ``bits[record, encoding]`` packed, and which exist."""

    bits: Bits
    present: Flags

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.bits)


class Encoder:
    """Encodes under one key; the same record gives the same bits everywhere."""

    def __init__(
        self, key: LinkageKey, mode: Mode, fields: Collection[FieldName]
    ) -> None:
        self.mode = mode
        self.fields = tuple(field for field in HASHES if field in fields)
        self.label = key.label(mode, self.fields)
        self._parts_key = key.derive("parts")
        self._salt_keys = [key.derive(f"salt {name}") for name in ENCODINGS[mode]]
        self._noise_key = key.derive("noise") if mode == "hardened" else None
        # Parts recur in nearly every record, values in many.
        self._part = lru_cache(1 << 16)(self._part_blocks)
        self._blocks = lru_cache(1 << 17)(self._field_blocks)

    def encode(
        self,
        persons: Sequence[Person],
        left_out: Collection[tuple[int, str]] = frozenset(),
    ) -> Encodings:
        """Encode records.

        Args:
            persons: The records.
            left_out: Salts, each with its encoding's number, that too many share.
        """
        found = [self._batch(persons[at : at + BATCH], left_out)
                 for at in range(0, len(persons), BATCH)]  # fmt: skip
        names = len(self._salt_keys)
        if not found:
            return Encodings(
                np.zeros((0, names, BYTES), np.uint8), np.zeros((0, names), np.bool_)
            )
        return Encodings(
            np.concatenate([one.bits for one in found]),
            np.concatenate([one.present for one in found]),
        )

    def _batch(
        self, persons: Sequence[Person], left_out: Collection[tuple[int, str]]
    ) -> Encodings:
        """Encode as many records as fit in a few megabytes."""
        blocks, counted = zip(*(self._record_blocks(p) for p in persons), strict=True)
        found = [salts(p, self.mode) for p in persons]
        bits = np.zeros((len(persons), len(self._salt_keys), BYTES), np.uint8)
        present = np.zeros(bits.shape[:2], np.bool_)
        for number, key in enumerate(self._salt_keys):
            rows = [
                row
                for row, own in enumerate(found)
                if own[number] is not None and (number, own[number]) not in left_out
            ]
            if rows:
                present[rows, number] = True
                bits[rows, number] = self._set_bits(
                    [_encrypt(key, str(found[row][number]), blocks[row])
                     for row in rows],
                    [counted[row] for row in rows],
                )  # fmt: skip
        return Encodings(bits, present)

    def _set_bits(self, places: Sequence[bytes], counted: Sequence[bytes]) -> Bits:
        """Return the bits at each record's places that count, then the noise."""
        used = np.frombuffer(b"".join(counted), np.bool_)
        place = np.frombuffer(b"".join(places), ">u2")[used] % BITS
        first = np.arange(0, len(places) * BITS, BITS, dtype=np.int64)
        bits = np.zeros(len(places) * BITS, np.bool_)
        bits[np.repeat(first, [own.count(1) for own in counted]) + place] = True
        packed = np.packbits(bits).reshape(-1, BYTES)
        if self._noise_key is not None:
            _turn_over(packed, self._noise_key)
        return packed

    def _record_blocks(self, record: Person) -> tuple[bytes, bytes]:
        """Return a record's blocks to encrypt, and which of their places count."""
        own = [
            self._blocks(field, value)
            for field in self.fields
            if (value := getattr(record, field))
        ]
        return b"".join([one[0] for one in own]), b"".join([one[1] for one in own])

    def _field_blocks(self, field: FieldName, value: str) -> tuple[bytes, bytes]:
        """Return the blocks of one value, and which of their places count."""
        found = [self._part(part) for part in parts(field, value)]
        count = HASHES[field]
        counted = b"\1" * count + b"\0" * (_PLACES - count)
        return b"".join(found), counted * len(found)

    def _part_blocks(self, part: str) -> bytes:
        """Return the two blocks that stand for a part."""
        own = hmac.digest(self._parts_key, part.encode(), hashlib.sha256)[:15]
        return own + b"\0" + own + b"\1"


def _turn_over(packed: Bits, key: bytes) -> None:
    """Turn over the bits that noise draws; one that is drawn twice is turned back."""
    drawn = b"".join(hmac.digest(key, own.tobytes(), hashlib.sha512) for own in packed)
    place = np.frombuffer(drawn, ">u2").reshape(len(packed), -1)[:, :FLIPS] % BITS
    byte = np.arange(len(packed))[:, None] * BYTES + place // 8
    bit = np.right_shift(128, place % 8).astype(np.uint8)
    np.bitwise_xor.at(packed.reshape(-1), byte.ravel(), bit.ravel())


def _encrypt(key: bytes, salt: str, blocks: bytes) -> bytes:
    """Return a keyed random function of each block, another one for each salt."""
    salted = hmac.digest(key, salt.encode(), hashlib.sha256)
    cipher = Cipher(algorithms.AES(salted), _BLOCKWISE)
    return cipher.encryptor().update(blocks)
