"""Requirement files are the pin: every package, every hash, and no index address."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "requirements"
NAMES = sorted(path.stem for path in FOLDER.glob("*.in"))
each = pytest.mark.parametrize("name", NAMES)


def lines(file: str) -> list[str]:
    """Return the lines of a requirement file that say something."""
    text = (FOLDER / file).read_text()
    return [
        line for line in text.splitlines() if line and not line.lstrip().startswith("#")
    ]


def normal(requirement: str) -> str:
    """Return a requirement's package name as package indexes write it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@each
def test_every_wanted_package_is_pinned(name):
    wanted = {normal(r) for r in lines(f"{name}.in") if not r.startswith("-")}
    pinned = {normal(r) for r in lines(f"{name}.txt") if "==" in r}
    assert wanted <= pinned


@each
def test_every_pin_is_exact_and_hashed(name):
    entries = "\n".join(lines(f"{name}.txt")).replace("\\\n", " ").splitlines()
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda p: p.name)
def test_no_file_names_an_index(path):
    pattern = r"(?m)^\s*(-i|-f|--(extra-)?index-url|--find-links)\b|https?://|file:"
    assert re.search(pattern, path.read_text()) is None


def test_celery_stays_below_the_version_that_breaks_its_provider():
    pin = next(r for r in lines("runtime.txt") if r.startswith("celery=="))
    major, minor = pin.split("==")[1].split(".")[:2]
    assert (int(major), int(minor)) < (5, 7)
