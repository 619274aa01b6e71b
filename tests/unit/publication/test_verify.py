"""Verification: one flipped byte anywhere, or anything added or moved, is named."""

import hashlib
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from concord.exceptions import IntegrityError
from concord.publication.manifest import as_bytes
from concord.publication.signing import ManifestKey
from concord.publication.verify import verify
from tests.support.releases import publish_night

Change = Callable[[Path], object]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return publish_night(tmp_path / "releases").path


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x01
    path.chmod(0o640)
    path.write_bytes(data)


def named(release: Path) -> dict[str, str]:
    return {problem.file: problem.problem for problem in verify(release).problems}


def test_an_untouched_release_verifies(release: Path) -> None:
    outcome = verify(release)

    assert (outcome.ok, outcome.files, outcome.problems) == (True, 7, ())
    outcome.require()


def test_current_can_be_verified(release: Path) -> None:
    assert verify(release.parent / "CURRENT").release == release


@pytest.mark.parametrize("table", ["person", "incident"])
def test_one_flipped_byte_in_a_table_is_found(table: str, release: Path) -> None:
    name = f"{table}/part-00000.parquet"
    size = (release / name).stat().st_size
    offsets = {0, size - 1, *random.Random(7).sample(range(size), 40)}

    for offset in offsets:
        flip(release / name, offset)
        assert named(release) == {name: "its bytes are not those that were published"}
        flip(release / name, offset)
    assert verify(release).ok


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGES.md", "dictionary.json", "dictionary.html"]
)
def test_one_flipped_byte_in_a_document_is_found(name: str, release: Path) -> None:
    flip(release / name, 3)

    assert list(named(release)) == [name]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_one_flipped_byte_of_manifest_or_signature_is_found(
    name: str, release: Path
) -> None:
    for offset in (0, 40, 63):
        flip(release / name, offset)
        assert named(release) == {"manifest.json": "the signature does not match"}
        flip(release / name, offset)


def remove(name: str) -> Change:
    return lambda release: (release / name).unlink()


def add(name: str) -> Change:
    return lambda release: (release / name).write_text("x")


def link(release: Path) -> None:
    part = release / "person" / "part-00000.parquet"
    part.rename(release.parent / "elsewhere.parquet")
    part.symlink_to(release.parent / "elsewhere.parquet")


@pytest.mark.parametrize(
    ("change", "file", "problem"),
    [
        (remove("person/part-00000.parquet"), "person/part-00000.parquet", "missing"),
        (remove("README.md"), "README.md", "missing"),
        (link, "person/part-00000.parquet", "is not part of the release"),
        (add("person/part-00001.parquet"), "person/part-00001.parquet", "not part"),
        (add(".hidden"), ".hidden", "is not part of the release"),
        (add("README.md"), "README.md", "has 1 bytes"),
        (remove("catalog.duckdb"), "catalog.duckdb", "can't be opened"),
        (remove("manifest.sig"), "manifest.json", "can't be read"),
        (remove("manifest.json"), "manifest.json", "can't be read"),
    ],
)
def test_what_was_removed_added_or_replaced_is_named(
    change: Change, file: str, problem: str, release: Path
) -> None:
    change(release)

    assert problem in named(release)[file]
    with pytest.raises(IntegrityError, match="Restore the release from backup"):
        verify(release).require()


def forge(folder: Path, **changes: object) -> None:
    """Change the manifest and sign it again, as a fault of ours would."""
    path = folder / "manifest.json"
    manifest = {**json.loads(path.read_text()), **changes}
    signer = ManifestKey(folder.parents[2] / "keys").signer()
    for name, data in (
        ("manifest.json", as_bytes(manifest)),
        ("manifest.sig", signer.sign(as_bytes(manifest))),
    ):
        (folder / name).chmod(0o640)
        (folder / name).write_bytes(data)


def test_a_signed_manifest_must_have_the_digest_it_names(release: Path) -> None:
    forge(release, code_version="9.9.9")

    assert "digest" in named(release)["manifest.json"]


def test_rows_and_columns_must_be_those_of_the_manifest(release: Path) -> None:
    tables = json.loads((release / "manifest.json").read_text())["tables"]
    tables["person"]["files"][0]["rows"] = 41
    tables["incident"]["columns"][0]["type"] = "int64"
    forge(release, tables=tables)

    problems = [str(problem) for problem in verify(release).problems]

    assert "person/part-00000.parquet: has 40 rows, not 41" in problems
    assert (
        "incident/part-00000.parquet: its columns are not those of the manifest"
        in problems
    )


def test_another_number_or_profile_is_named(release: Path) -> None:
    forge(release, release=3, profile={"id": "public"})

    problems = [str(problem) for problem in verify(release).problems]

    assert "manifest.json: belongs to release 3" in problems
    assert "manifest.json: belongs to profile public" in problems


def test_a_catalog_that_shows_something_else_is_named(release: Path) -> None:
    path = release / "catalog.duckdb"
    path.chmod(0o640)
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE OR REPLACE VIEW person AS SELECT 1 AS n")

    assert "does not show the tables" in named(release)["catalog.duckdb"]


def test_current_must_point_to_the_latest_release(release: Path) -> None:
    later = publish_night(release.parents[1], 2)
    link = release.parent / "CURRENT"
    link.unlink()
    link.symlink_to("r000001")

    for folder in (release, later.path):
        assert named(folder) == {"CURRENT": "does not point to the latest, r000002"}


def test_a_current_that_points_nowhere_is_named(release: Path) -> None:
    (release.parent / "CURRENT").unlink()
    (release.parent / "CURRENT").symlink_to("r000009")

    assert "does not point to a release" in named(release)["CURRENT"]


def test_a_replaced_parent_is_named(release: Path) -> None:
    later = publish_night(release.parents[1], 2)
    forge(release, content_digest="0" * 64)

    assert "release 1 is not its parent" in named(later.path)["manifest.json"]


def test_a_copy_elsewhere_needs_the_key_only(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "laptop" / "research-january"
    shutil.copytree(release, copy)
    key = ManifestKey(tmp_path / "keys").signer().public_key()

    assert verify(copy, key).ok
    assert "no readable public key" in named(copy)["manifest.json"]
    assert not verify(copy, Ed25519PrivateKey.generate().public_key()).ok


def test_the_key_beside_the_releases_must_be_one(release: Path) -> None:
    (release.parent / "manifest.pub").write_text("no key")

    assert "no readable public key" in named(release)["manifest.json"]


def test_the_key_beside_the_releases_must_be_of_the_right_kind(release: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    (release.parent / "manifest.pub").write_bytes(
        other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )

    assert "not an Ed25519 public key" in named(release)["manifest.json"]


def test_openssl_accepts_the_signature(release: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "../manifest.pub",
         "-rawin", "-in", "manifest.json", "-sigfile", "manifest.sig"],
        cwd=release, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "Successfully" in done.stdout) == (0, True), done.stderr


def test_a_file_that_is_no_parquet_is_named(release: Path) -> None:
    name = "person/part-00000.parquet"
    (release / name).chmod(0o640)
    (release / name).write_bytes(b"no parquet")
    tables = json.loads((release / "manifest.json").read_text())["tables"]
    tables["person"]["files"][0] |= {
        "bytes": 10, "sha256": hashlib.sha256(b"no parquet").hexdigest(),
    }  # fmt: skip
    forge(release, tables=tables)

    assert "no Parquet file" in named(release)[name]


def test_other_columns_under_the_same_hash_cannot_be(release: Path) -> None:
    path = release / "person" / "part-00000.parquet"
    path.chmod(0o640)
    pq.write_table(pa.table({"n": [1]}), path)

    assert list(named(release)) == ["person/part-00000.parquet"]
