"""The linkage key: what agency and centre share, and everything derived from it."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from concord.exceptions import KeyCustodyError
from concord.key_files import create_key_file, read_key
from concord.pprl.values import Mode
from concord.settings import new_key

SCHEME = "pprl1"


@dataclass(frozen=True, repr=False)
class LinkageKey:
    """A secret of 32 random bytes; never shown."""

    secret: bytes

    def derive(self, purpose: str) -> bytes:
        """Return a key of its own for one purpose."""
        return hmac.digest(self.secret, f"{SCHEME} {purpose}".encode(), hashlib.sha256)

    def label(self, mode: Mode, fields: Sequence[str]) -> str:
        """Return what tells whether two encodings can be compared, and nothing else.

        It differs where scheme, mode, fields or key differ.
        """
        what = " ".join((mode, *sorted(fields)))
        return f"{SCHEME}-{mode}-{self.derive('label ' + what).hex()[:16]}"


def load_key(path: Path) -> LinkageKey:
    """Read a linkage key; raises KeyCustodyError if it protects nobody."""
    if not path.is_file():
        raise KeyCustodyError(
            f"{path}: no such key. Get it from the holder of the linkage key; who "
            "holds it makes one with `concord pprl key`"
        )
    return LinkageKey(read_key(path))


def create_key(path: Path) -> None:
    """Make a random linkage key, readable by its owner alone."""
    if not create_key_file(path, new_key() + new_key()):
        raise KeyCustodyError(f"{path}: exists. Name another file")
