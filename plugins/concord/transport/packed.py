"""Packed files told from text by how they begin."""

import re

BEGINNINGS = {
    "gzip": rb"\x1f\x8b\x08",
    "zip": rb"PK(\x03\x04|\x05\x06)",
    "7z": rb"7z\xbc\xaf\x27\x1c",
    "xz": rb"\xfd7zXZ\0",
    "bzip2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",  # with its block's, or an empty one's
    "zstd": rb"\x28\xb5\x2f\xfd",
    "rar": rb"Rar!\x1a\x07",
}
"""How packed files begin, sure enough that no file of text is taken for one."""


def packed_kind(start: bytes) -> str | None:
    """Return what kind of packed file begins so; None: it may be text."""
    kinds = (kind for kind, how in BEGINNINGS.items() if re.match(how, start))
    return next(kinds, None)
