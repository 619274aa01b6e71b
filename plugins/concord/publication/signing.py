"""Signatures of manifests: Ed25519, so equal manifests have equal signatures."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from concord.exceptions import IntegrityError, KeyCustodyError
from concord.publication.layout import PUBLIC_KEY
from concord.sealing import KeyRing
from concord.zones import READABLE_FILE, write_bytes


class ManifestKey(KeyRing):
    """The key that signs manifests, kept like every other key of the ring."""

    def signer(self) -> Ed25519PrivateKey:
        """Return the signing key; it is made on first use."""
        return Ed25519PrivateKey.from_private_bytes(self._symmetric("manifest.key"))


def as_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as the text that openssl reads."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def announce(signer: Ed25519PrivateKey, profile: Path) -> None:
    """Put the public key beside the releases, once.

    Raises:
        KeyCustodyError: releases signed with another key are there already.
    """
    path, pem = profile / PUBLIC_KEY, as_pem(signer.public_key())
    if not path.exists():
        write_bytes(path, pem, READABLE_FILE)
    elif path.read_bytes() != pem:
        raise KeyCustodyError(
            f"{path}: earlier releases were signed with another key. "
            "Restore manifest.key from custody"
        )


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key; raises IntegrityError when it is none."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise IntegrityError(
            f"{path.name}: no readable public key ({type(error).__name__})"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise IntegrityError(f"{path.name}: not an Ed25519 public key")
    return key


def is_signed(key: Ed25519PublicKey, manifest: bytes, signature: bytes) -> bool:
    """Say whether a signature was made over exactly these bytes."""
    try:
        key.verify(signature, manifest)
    except InvalidSignature:
        return False
    return True
