"""The image is built from pinned, hashed parts and runs as nobody in particular."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INSTRUCTIONS = [
    line.split(None, 1)
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith(("#", " "))
]


def arguments(instruction: str) -> list[str]:
    """Return the arguments of every instruction of a kind."""
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def test_base_image_is_pinned_by_version():
    assert [bool(re.fullmatch(r"python:3\.1\d\.\d+-slim-\w+", b)) for b in
            arguments("FROM")] == [True]  # fmt: skip


def test_nothing_is_added_from_an_address():
    assert arguments("ADD") == []
    assert not any(re.search(r"https?://|curl|wget|apt", a) for _, a in INSTRUCTIONS)


def test_packages_are_installed_by_hash_only():
    installs = [a for a in arguments("RUN") if "pip install" in a]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--requirement requirements/runtime.txt" in installs[0]
    assert "--only-binary :all:" in installs[0]


def test_bytecode_is_made_before_it_is_switched_off():
    names = [f"{name} {rest}" for name, rest in INSTRUCTIONS]
    compiled = next(i for i, text in enumerate(names) if "compileall" in text)
    off = next(i for i, text in enumerate(names) if "PYTHONDONTWRITEBYTECODE" in text)
    assert compiled < off


def test_container_runs_without_rights():
    assert arguments("USER") == ["50000:0"]
    last = [name for name, _ in INSTRUCTIONS][-3:]
    assert last == ["USER", "ENTRYPOINT", "CMD"]


def test_health_checks_are_left_to_compose():
    assert arguments("HEALTHCHECK") == []


def test_copied_folders_pass_the_ignore_file():
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for copy in arguments("COPY"):
        assert set(copy.split()[:-1]) <= allowed
