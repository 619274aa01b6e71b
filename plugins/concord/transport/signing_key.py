"""The private key with which a connection proves who we are, as PEM, JWK or JWKS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = {"RSA": "RS384", "EC": "ES384"}
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True)
class SigningKey:
    """A private key, what signs with it, and under which name the agency knows it.

    SMART asks for a name; one that nobody gave is the key's thumbprint (RFC 7638).
    """

    key: RSAKey | ECKey = field(repr=False)
    algorithm: str
    kid: str

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> "SigningKey | None":
        """Read the key that a connection's extra holds or names; None if unusable."""
        try:
            text = extra.get("private_key") or Path(extra["private_key_file"])
            if isinstance(text, Path):
                text = text.read_text(encoding="ascii")
            known = _jwk(text, extra) if text.lstrip().startswith("{") else {}
            key = _import(known or text)
        except (AttributeError, KeyError, TypeError, OSError, ValueError, JoseError):
            return None
        told = extra.get("algorithm") or known.get("alg")
        algorithm = str(told or ALGORITHMS[key.key_type])
        kid = extra.get("kid") or known.get("kid") or key.thumbprint()
        signing = cls(key, algorithm, str(kid))
        return signing if signing._fits() else None

    def _fits(self) -> bool:
        """Say whether the key is private and can sign with its algorithm."""
        if not self.key.is_private:
            return False
        if isinstance(self.key, ECKey):
            return CURVES.get(self.algorithm) == self.key.curve_name
        return self.algorithm[:2] in ("RS", "PS")


def _jwk(text: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON web key, or that one of a set which is private and asked for."""
    found = json.loads(text)
    wanted = {name: extra[name] for name in ("kid", "algorithm") if extra.get(name)}
    for key in found.get("keys", [found]):
        named = {"kid": key.get("kid"), "algorithm": key.get("alg")}
        if "d" in key and all(named[n] in (None, wanted[n]) for n in wanted):
            return dict(key)
    raise ValueError("no private key")


def _import(source: str | dict[str, Any]) -> RSAKey | ECKey:
    """Make a key of what was read, whichever of the two kinds it is."""
    try:
        return ECKey.import_key(source)
    except (ValueError, JoseError):
        return RSAKey.import_key(source)
