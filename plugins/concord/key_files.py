"""Key files: 64 hexadecimal digits that nobody but their owner may read."""

import os
import stat
from pathlib import Path

from concord.exceptions import KeyCustodyError
from concord.settings import new_key
from concord.zones import PRIVATE

KEY_BYTES = 32
PUBLISHED = bytes(range(KEY_BYTES))
"""The key of published test vectors; known to everybody and refused as a key."""

FEWEST_VALUES = 16  # 32 random bytes hold about 30 different ones


def read_key(path: Path) -> bytes:
    """Return the 32 bytes of a key file; raises KeyCustodyError, never with the key."""
    owner_only(path)
    return key_of(path.read_text(encoding="ascii").strip(), str(path))


def key_of(text: str, place: str) -> bytes:
    """Return the 32 bytes that a key's text means; ``place`` is where it was found."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = None
    if key is None:
        raise KeyCustodyError(f"{place}: not hexadecimal. Restore the key from custody")
    if len(key) != KEY_BYTES:
        raise KeyCustodyError(
            f"{place}: {len(key)} bytes, {KEY_BYTES} are needed. "
            "Restore the key from custody"
        )
    if key == PUBLISHED:
        raise KeyCustodyError(
            f"{place}: the key of the published test vectors. Get the right one from "
            "its holder"
        )
    if len(set(key)) < FEWEST_VALUES:
        raise KeyCustodyError(
            f"{place}: not random, so it can be guessed. Get the right one from its "
            "holder, or have a new one made"
        )
    return key


def owner_only(path: Path) -> None:
    """Raise KeyCustodyError where others than the owner may read a key."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyCustodyError(
            f"{path}: mode {mode:04o} lets others read it. Run: chmod 0400 {path}"
        )


def create_key_file(path: Path, text: str) -> bool:
    """Write a key that only its owner can read; say False where one was there first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    part = path.with_name(f".{path.name}.{new_key()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # fails where another process was first: its key wins
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True
