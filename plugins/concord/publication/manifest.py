"""The manifest: what a release holds, of what it was made, and what went before it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from concord.exceptions import IntegrityError
from concord.publication.layout import MANIFEST
from concord.publication.tables import sha256

FORMAT = "concord-release/1"
_PLACE = ("release", "parent", "documents", "content_digest")
"""Where a release stands among others; the rest is its content."""


def canonical(value: object) -> bytes:
    """Write JSON in its one compact form."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def content_digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 over what a release holds and of what it was made.

    Number, parent and the documents about the difference to the parent are left out,
    so that the same night built again has the same digest.
    """
    content = {key: value for key, value in manifest.items() if key not in _PLACE}
    return hashlib.sha256(canonical(content)).hexdigest()


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Write a manifest for people and programs alike."""
    text = json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False)
    return (text + "\n").encode()


def describe_file(path: Path) -> dict[str, object]:
    """Return what a manifest says about a document."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def read_manifest(release: Path) -> dict[str, Any]:
    """Read a release's manifest without checking its signature.

    Raises:
        IntegrityError: it is missing or no manifest.
    """
    try:
        manifest = json.loads((release / MANIFEST).read_bytes())
        date.fromisoformat(manifest["night"])
        _ = manifest["release"] + 0, manifest["content_digest"], manifest["tables"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{release.name}/{MANIFEST}: missing or no manifest "
            f"({type(error).__name__}). Restore the release from backup"
        ) from error
    return dict(manifest)


def rows_by_table(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return the row count of each table."""
    return {name: table["rows"] for name, table in manifest["tables"].items()}
