"""Sample data that lie beside the checkout; where they are absent, tests skip."""

import lzma
import tarfile
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def sample(*names: str) -> Path:
    """Return a sample's path, or skip the test."""
    path = SHARED.joinpath(*names)
    if not path.exists():
        pytest.skip(f"no sample data: shared/data/{'/'.join(names)}")
    return path


def unpacked(*names: str) -> bytes:
    """Return the bytes of a sample that is packed with xz."""
    return lzma.decompress(sample(*names).read_bytes())


def members(*names: str) -> dict[str, bytes]:
    """Return the files of a packed sample by their names."""
    with tarfile.open(sample(*names)) as archive:
        return {
            Path(member.name).name: opened.read()
            for member in archive.getmembers()
            if member.isfile() and (opened := archive.extractfile(member))
        }
