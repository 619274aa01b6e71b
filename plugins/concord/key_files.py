"""Key files: 64 hexadecimal digits that nobody but their owner may read."""

import os
import stat
from pathlib import Path

from concord.exceptions import KeyCustodyError
from concord.settings import new_key
from concord.zones import PRIVATE

KEY_BYTES = 32


def read_key(path: Path) -> bytes:
    """Return the 32 bytes of a key file; raises KeyCustodyError, never with the key."""
    owner_only(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = None
    if key is None:
        raise KeyCustodyError(f"{path}: not hexadecimal. Restore the key from custody")
    if len(key) != KEY_BYTES:
        raise KeyCustodyError(
            f"{path}: {len(key)} bytes, {KEY_BYTES} are needed. "
            "Restore the key from custody"
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
