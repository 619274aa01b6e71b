"""The published test vectors: made-up names, a published key, and their encodings.

Whoever writes another encoder checks it against them, and ours checks itself before it
encodes anything.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

from concord.exceptions import IntegrityError
from concord.key_files import PUBLISHED
from concord.pprl.encoder import ENCODINGS, Encoder
from concord.pprl.files import packed_text
from concord.pprl.keys import LinkageKey
from concord.pprl.values import person

FILE = Path(__file__).with_name("test_vectors.json")


def check_encoder() -> int:
    """Encode the published vectors; returns how many agree.

    Raises:
        IntegrityError: One differs, so that this machine's encodings would match none.
    """
    vectors = read_vectors()
    for number, vector in enumerate(vectors, 1):
        if encode_vector(vector) != vector["encoded"]:
            raise IntegrityError(
                f"test vector {number} is encoded differently here. Install Concord "
                "anew, and send nothing that this installation has encoded"
            )
    return len(vectors)


def read_vectors() -> list[dict[str, Any]]:
    """Return the published vectors."""
    vectors: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))[
        "vectors"
    ]
    return vectors


def encode_vector(vector: dict[str, Any]) -> dict[str, str]:
    """Return what a vector's record is encoded as, with its label."""
    mode, fields, record = vector["mode"], vector["fields"], vector["record"]
    encoder = Encoder(LinkageKey(PUBLISHED), mode, fields)
    born = record.get("birth_date")
    found = encoder.encode([person(record, born and date.fromisoformat(born))])
    texts = {
        name: packed_text(found.bits[0, number].tobytes())
        if found.present[0, number]
        else ""
        for number, name in enumerate(ENCODINGS[encoder.mode])
    }
    return {"encoding": encoder.label, **texts}
