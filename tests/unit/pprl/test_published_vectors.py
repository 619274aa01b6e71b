"""The published vectors, encoded a second time from the specification alone.

Nothing of the library's encoder is used below, only how it writes values in one form:
this is what another implementation of docs/reference/pprl_encoding.md has to do.
"""

import base64
import hashlib
import hmac
import json
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from concord.exceptions import IntegrityError
from concord.pprl import vectors
from concord.pprl.values import person, salts, soundex

PUBLISHED = json.loads(vectors.FILE.read_text(encoding="utf-8"))
KEY = bytes.fromhex(PUBLISHED["key"])
COUNTS = {
    "given_name": 15, "surname": 15, "birth_date": 15,
    "street": 9, "city": 6, "postcode": 6,
}  # fmt: skip
NAMES = {"hardened": ("encoding_birth", "encoding_name"), "plain": ("encoding_all",)}


def derived(purpose: str) -> bytes:
    return hmac.new(KEY, f"pprl1 {purpose}".encode(), hashlib.sha256).digest()


def by_the_book(vector) -> dict[str, str]:
    """Return a vector's encodings, made one bit at a time."""
    record = dict(vector["record"])
    born = record.pop("birth_date", None)
    made = person(record, born and vectors.date.fromisoformat(born))._asdict()
    own_salts = salts(person(record, born and vectors.date.fromisoformat(born)),
                      vector["mode"])  # fmt: skip
    label = derived(" ".join(["label", vector["mode"], *sorted(vector["fields"])]))
    found = {"encoding": f"pprl1-{vector['mode']}-{label.hex()[:16]}"}
    for name, salt in zip(NAMES[vector["mode"]], own_salts, strict=True):
        found[name] = "" if salt is None else one_encoding(vector, name, salt, made)
    return found


def one_encoding(vector, name, salt, made) -> str:
    salted = hmac.new(derived(f"salt {name}"), salt.encode(), hashlib.sha256).digest()
    aes = Cipher(algorithms.AES(salted), modes.ECB()).encryptor()
    bits = [0] * 1024
    for field in vector["fields"]:
        for part in parts_of(field, made[field]):
            own = hmac.new(derived("parts"), part.encode(), hashlib.sha256).digest()
            drawn = aes.update(own[:15] + b"\0") + aes.update(own[:15] + b"\1")
            for place in places(drawn)[: COUNTS[field]]:
                bits[place] = 1
    if vector["mode"] == "hardened":
        noise = hmac.new(derived("noise"), packed(bits), hashlib.sha512).digest()
        for place in places(noise)[:26]:
            bits[place] ^= 1
    return base64.b64encode(packed(bits)).decode()


def parts_of(field, value) -> set[str]:
    if not value:
        return set()
    if field in ("birth_date", "postcode"):
        return {f"{field} {place}{digit}" for place, digit in enumerate(value)}
    kind = "name" if field in ("given_name", "surname") else field
    padded = f"_{value}_"
    return {f"{kind} {a}{b}" for a, b in pairwise(padded)}


def places(drawn: bytes) -> list[int]:
    return [int.from_bytes(drawn[at : at + 2]) % 1024 for at in range(0, len(drawn), 2)]


def packed(bits) -> bytes:
    return int("".join(map(str, bits)), 2).to_bytes(128)


@pytest.mark.parametrize("number", range(len(PUBLISHED["vectors"])))
def test_the_specification_gives_the_published_vector(number):
    vector = PUBLISHED["vectors"][number]
    assert by_the_book(vector) == vector["encoded"]


def test_the_encoder_gives_every_published_vector():
    assert vectors.check_encoder() == len(PUBLISHED["vectors"]) == 21


def test_an_encoder_that_differs_is_told(monkeypatch, tmp_path):
    text = vectors.FILE.read_text(encoding="utf-8").replace("Testperson", "Testpersen")
    other = tmp_path / "vectors.json"
    other.write_text(text, encoding="utf-8")
    monkeypatch.setattr(vectors, "FILE", other)
    with pytest.raises(IntegrityError, match="test vector 1 "):
        vectors.check_encoder()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ROBERT", "R163"), ("RUPERT", "R163"), ("ASHCRAFT", "A261"),
        ("TYMCZAK", "T522"), ("PFISTER", "P236"), ("HONEYMAN", "H555"), ("LEE", "L000"),
    ],
)  # fmt: skip
def test_soundex_is_the_american_one(name, code):
    assert soundex(name) == code
