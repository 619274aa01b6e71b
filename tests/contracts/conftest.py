"""A copy of the project's configuration that a test may break."""

import shutil
from pathlib import Path

import pytest

from concord.settings import PROJECT, Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("include", "expectations"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def settings(project: Path) -> Settings:
    return Settings(project=project, home=project / "home")
