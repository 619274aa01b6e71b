"""What wraps the keys of releases: a key-encryption key, wherever it is kept.

``CONCORD_KEY_ENCRYPTION`` says where: nothing or ``file:PATH`` for a key file,
``airflow:NAME`` for a variable of Airflow's secrets backend, or ``kms:module:factory``
for a service of the site's that wraps without giving its key out.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from concord.exceptions import ConfigError, KeyCustodyError
from concord.key_files import create_key_file, key_of, read_key
from concord.settings import new_key

FILE = "release-encryption.key"
AIRFLOW = "concord.orchestration.secrets:variable"
NONCE_BYTES = 12


class KeyEncryption(Protocol):
    """Wraps and unwraps keys; ``purpose`` names the key that is wrapped."""

    def wrap(self, key: bytes, purpose: str) -> bytes:
        """Return a key so that it can be stored anywhere."""

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """Return a wrapped key; KeyCustodyError where it is another's or damaged."""


class WrappingKey:
    """A key-encryption key in this process: AES key wrap (RFC 3394)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def wrap(self, key: bytes, purpose: str) -> bytes:
        """Return a key wrapped; what it is for is held by its check value."""
        return aes_key_wrap(self._key, key)

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """Return a wrapped key."""
        try:
            return aes_key_unwrap(self._key, wrapped)
        except InvalidUnwrap:
            pass
        raise KeyCustodyError(
            f"{purpose}: does not unwrap; the key-encryption key is another, or the "
            "key ledger was damaged. Restore both from custody"
        )


class LocalKeyService:
    """A key service as clouds have them, on this machine: its key stays inside.

    The purpose is authenticated, so a wrapped key can't stand in for another.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            create_key_file(path, new_key() + new_key())
        self._cipher = AESGCM(read_key(path))

    def wrap(self, key: bytes, purpose: str) -> bytes:
        """Return a key encrypted for one purpose."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, purpose.encode())

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """Return a key that was encrypted for this purpose."""
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, sealed, purpose.encode())
        except (InvalidTag, ValueError):
            pass
        raise KeyCustodyError(
            f"{purpose}: the key service does not know it. Restore the key ledger"
        )


def key_encryption(setting: str, folder: Path, makes: bool) -> KeyEncryption:
    """Return what a setting names.

    Args:
        setting: ``CONCORD_KEY_ENCRYPTION``.
        folder: Where the key file lies if none is named.
        makes: Whether a key file that is missing may be made.
    """
    kind, _, name = setting.partition(":")
    if kind in ("", "file"):
        return WrappingKey(_from_file(Path(name) if name else folder / FILE, makes))
    if kind == "airflow" and name:
        return WrappingKey(key_of(_called(AIRFLOW, name), f"Airflow variable {name}"))
    if kind == "kms" and ":" in name:
        service: KeyEncryption = _called(name)
        return service
    raise ConfigError(
        f"CONCORD_KEY_ENCRYPTION: '{setting}' is none of file:PATH, airflow:NAME and "
        "kms:MODULE:FACTORY"
    )


def _from_file(path: Path, makes: bool) -> bytes:
    if not path.exists():
        if not makes:
            raise KeyCustodyError(
                f"{path}: the key that wraps the keys of releases is missing. Restore "
                "it from custody"
            )
        create_key_file(path, new_key() + new_key())
    return read_key(path)


def _called(place: str, *arguments: str) -> Any:
    """Call a function that is named ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)(*arguments)
