"""Which linkage model is which: a digest of everything that a model file says."""

import hashlib
from pathlib import Path

from concord.linkage.settings import PersonModel
from concord.linkage.standardise import LINKAGE


def model_digest(model: PersonModel, folder: Path = LINKAGE) -> str:
    """Return what tells a model from any other: weights, settings, standardisation."""
    digest = hashlib.sha256(model.model_dump_json().encode())
    for path in sorted(folder.glob("*")):
        if path.suffix in (".sql", ".csv"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]
