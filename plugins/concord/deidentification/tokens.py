"""Tokens: what an analyst sees instead of a number that agencies use.

A token is ``<prefix>_`` and 26 digits in Crockford's base 32: the first 16 bytes of
HMAC-SHA-256(key of the release, "deid/v1" 0 entity 0 profile 0 epoch 0 value), padded
with two zero bits. The same value of the same entity has the same token everywhere in
a release, so tables join; two releases have different keys, so they don't.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import ContractError, KeyCustodyError

KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256
DIGEST_BYTES = 32
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case
PATTERN = r"^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$"
CHUNK = 1 << 16

PREFIXES = {
    "agency": "agy",
    "discipline_action": "dac",
    "discipline_incident": "din",
}
"""Entities whose first three letters would mislead or are another's."""


def prefix(entity: str) -> str:
    """Return the three letters that an entity's tokens begin with."""
    letters = PREFIXES.get(entity, entity[:3])
    if not re.fullmatch("[a-z]{3}", letters):
        raise ContractError(
            f"entity '{entity}' does not begin with three lower-case letters. Rename it"
        )
    return letters


def check_prefixes(entities: Iterable[str]) -> None:
    """Refuse entities whose tokens would look alike; raises ContractError."""
    owners: dict[str, str] = {}
    for entity in sorted(set(entities)):
        other = owners.setdefault(prefix(entity), entity)
        if other != entity:
            raise ContractError(
                f"entities '{other}' and '{entity}' would both have tokens that "
                f"begin with '{prefix(entity)}_'. Rename one, or give it letters of "
                "its own in concord.deidentification.tokens"
            )


class Tokeniser:
    """Makes the tokens of one release profile and key epoch."""

    def __init__(self, key: bytes, profile: str, epoch: str) -> None:
        if len(key) != KEY_BYTES:
            raise KeyCustodyError(
                f"the key of release '{profile}' has {len(key)} bytes, {KEY_BYTES} "
                "are needed. Restore it from custody"
            )
        for name in (profile, epoch):
            if not name or "\0" in name:
                raise ContractError("a profile and an epoch need a name without NUL")
        self.profile = profile
        self.epoch = epoch
        block = key.ljust(BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __repr__(self) -> str:
        """Name the profile and the epoch, never the key."""
        return f"Tokeniser({self.profile!r}, epoch {self.epoch!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a key never travels between processes."""
        raise TypeError("a Tokeniser holds a key and can't be pickled")

    def token(self, entity: str, value: str) -> str:
        """Return the token of one value; an empty one has none (ValueError)."""
        if not value:
            raise ValueError("an empty value has no token")
        return str(self.tokens(entity, pa.array([value], pa.string()))[0].as_py())

    def tokens(
        self, entity: str, values: pa.Array | pa.ChunkedArray, table: str = ""
    ) -> pa.Array:
        """Return the tokens of many values; NULL and empty values have none.

        With a table, the tokens are of this table alone and join no other.
        """
        coded = pc.dictionary_encode(_values(values))
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        purpose = f"{entity} of {table}" if table else entity
        made = self._distinct(prefix(entity), purpose, coded.dictionary)
        return made.take(coded.indices)

    def _distinct(self, letters: str, purpose: str, values: pa.Array) -> pa.Array:
        parts = [
            _written(letters, self.digests(purpose, values.slice(start, CHUNK)))
            for start in range(0, len(values), CHUNK)
        ]
        return pa.concat_arrays(parts) if parts else pa.array([], pa.string())

    def digests(self, purpose: str, values: pa.Array) -> bytes:
        """Return the HMAC of each value, 32 bytes each; a purpose shares none."""
        start = self._inner.copy()
        for part in ("deid/v1", purpose, self.profile, self.epoch):
            start.update(part.encode() + b"\0")
        inner, outer = start.copy, self._outer.copy
        digests = []
        for value in values.cast(pa.binary()).to_pylist():
            message = inner()
            message.update(value)
            keyed = outer()
            keyed.update(message.digest())
            digests.append(keyed.digest())
        return b"".join(digests)


def _values(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return values as plain text in which empty is NULL."""
    text = values.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _pairs() -> npt.NDArray[np.uint16]:
    """Return the two digits of each number of ten bits, as they lie in memory."""
    digits = np.frombuffer(DIGITS.encode(), np.uint8)
    both = np.stack([np.repeat(digits, 32), np.tile(digits, 32)], axis=1)
    return both.copy().view(np.uint16).ravel()


_PAIRS = _pairs()


def _written(letters: str, digests: bytes) -> pa.Array:
    """Write the first 16 bytes of each digest as a token: 13 times 2 digits."""
    raw = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
    count = len(raw)
    bits = np.zeros((18, count), np.uint16)
    bits[:16] = raw[:, :16].T
    text = np.empty((count, 15), np.uint16)
    text[:, :2] = np.frombuffer(f"{letters}_".encode(), np.uint16)
    for group in range(13):
        byte, bit = divmod(10 * group, 8)
        ten = (bits[byte] << 8 | bits[byte + 1]) >> (6 - bit) & 1023
        text[:, 2 + group] = _PAIRS[ten]
    offsets = np.arange(count + 1, dtype=np.int32) * 30
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))
