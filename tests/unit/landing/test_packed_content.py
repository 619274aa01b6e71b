"""A packed file counts by what it holds, not by how it was packed."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path

import pytest

from concord.landing.unpacking import content_sha256

FILES = {"Client.csv": b"a,b\n1,2\n" * 50, "Exit [1].csv": b"c\n3\n"}
LIMIT = 1 << 20


def zipped(files: dict[str, bytes], compress_type: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, body in files.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 1, 5, 2, 0, 0)), body, compress_type
            )
    return target.getvalue()


def digest(folder: Path, body: bytes, packing: str, limit: int = LIMIT) -> str | None:
    packed = folder / "packed"
    packed.write_bytes(body)
    return content_sha256(packed, packing, max_bytes=limit)


def test_gzip_of_the_same_bytes_is_the_same(tmp_path: Path) -> None:
    first = gzip.compress(FILES["Client.csv"], 1, mtime=1)
    again = gzip.compress(FILES["Client.csv"], 9, mtime=2)
    assert first != again
    assert digest(tmp_path, first, "gzip") == digest(tmp_path, again, "gzip")
    other = gzip.compress(FILES["Client.csv"] + b"x")
    assert digest(tmp_path, other, "gzip") != digest(tmp_path, first, "gzip")


def test_zip_of_the_same_files_is_the_same_in_any_order(tmp_path: Path) -> None:
    first = zipped(FILES, compress_type=zipfile.ZIP_STORED)
    turned = dict(reversed(FILES.items()))
    again = zipped(turned, compress_type=zipfile.ZIP_DEFLATED)
    assert digest(tmp_path, first, "zip") == digest(tmp_path, again, "zip")
    renamed = {"Other.csv": FILES["Client.csv"], "Exit [1].csv": b"c\n3\n"}
    assert digest(tmp_path, zipped(renamed), "zip") != digest(tmp_path, first, "zip")


@pytest.mark.parametrize(
    ("body", "packing"),
    [
        (gzip.compress(b"cut" * 100, mtime=0)[:-9], "gzip"),
        (b"\x1f\x8bno gzip at all", "gzip"),
        (b"PK\x03\x04 cut", "zip"),
        (zipped({"../out.csv": b"1"}), "zip"),
        (zlib.compress(b"neither"), "zip"),
    ],
)
def test_what_cannot_be_unpacked_counts_by_its_bytes(
    tmp_path: Path, body: bytes, packing: str
) -> None:
    assert digest(tmp_path, body, packing) is None


def test_what_unpacks_to_too_much_counts_by_its_bytes(tmp_path: Path) -> None:
    two = zipped({"a": b"x" * 600, "b": b"y" * 600})
    assert digest(tmp_path, two, "zip", limit=1200) is not None
    assert digest(tmp_path, two, "zip", limit=1000) is None
