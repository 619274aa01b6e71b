"""What keeps Airflow and the library apart stays in place."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]


def test_airflow_does_not_execute_the_library_as_plugins():
    ignored = (ROOT / "plugins" / ".airflowignore").read_text().splitlines()
    assert "concord/" in ignored


def test_commit_hooks_are_local():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]


def test_licence_is_the_whole_apache_licence():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
