"""The commands that the documents name exist and describe themselves."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TARGETS = [
    *("help", "setup", "requirements", "demo", "test", "check", "fix"),
    *("secrets", "up", "down", "clean"),
]


def make(*arguments: str, given: str | None = None, **environment: str) -> str:
    """Run make, perhaps with a Makefile of our own, and return what it printed."""
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_help_is_the_default_and_lists_every_command():
    listed = re.findall(r"^  make (\S+) +\S", make(), re.MULTILINE)
    assert set(TARGETS) <= set(listed)
    assert make() == make("help")


def test_setup_compiles_bytecode_even_where_it_is_switched_off():
    recipe = make("--dry-run", "--always-make", "setup", PYTHONDONTWRITEBYTECODE="1")
    assert "--compile-bytecode" in recipe
    assert "--require-hashes" in recipe
    show = "show: ; @printenv PYTHONDONTWRITEBYTECODE || echo unset\n"
    shown = make(
        "--file=-",
        "show",
        given=f"include Makefile\n{show}",
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert shown.strip() == "unset"


def test_clean_leaves_data_keys_and_environment_alone():
    recipe = make("--dry-run", "clean")
    assert not re.search(r"\.concord\b|\.venv|secrets", recipe)


@pytest.mark.parametrize("document", ["README.md", "DEVELOPERS.md"])
def test_documents_name_only_commands_that_exist(document):
    named = re.findall(r"`make ([a-z-]+)", (ROOT / document).read_text())
    assert named
    listed = re.findall(r"^  make (\S+) +\S", make(), re.MULTILINE)
    assert set(named) <= set(listed)


def test_clean_clone_runs_the_documented_commands():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = re.findall(r"^make (\w+)$", script.read_text(), re.MULTILINE)
    assert commands == ["setup", "check", "test"]
    assert "set -euo pipefail" in script.read_text()
