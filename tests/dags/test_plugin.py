"""The report in Airflow: nobody without login, no way out of the reports zone."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture
def reports(dagbag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path))
    (tmp_path / "reports" / "2026-01-05").mkdir(parents=True)
    (tmp_path / "reports" / "index.html").write_text("<html>archive</html>")
    night = tmp_path / "reports" / "2026-01-05" / "index.html"
    night.write_text("<html>night</html>")
    (tmp_path / "ledger.db").write_text("secret")
    (tmp_path / "reports" / "link").symlink_to(tmp_path / "ledger.db")
    return tmp_path / "reports"


@pytest.fixture
def app(reports):
    from concord.orchestration.site import build_app

    return build_app()


def test_nobody_without_login(app) -> None:
    from airflow.api_fastapi.app import init_auth_manager
    from fastapi.testclient import TestClient

    init_auth_manager(app)
    client = TestClient(app)
    for path in ("/", "/index.html", "/2026-01-05/", "/nothing"):
        assert client.get(path).status_code == 401
        bad = {"Authorization": "Bearer nonsense"}
        assert client.get(path, headers=bad).status_code in (401, 403)


def test_who_may_see_runs_reads_reports_and_nothing_else(app) -> None:
    from fastapi.testclient import TestClient

    (dependency,) = app.router.dependencies
    app.dependency_overrides[dependency.dependency] = lambda: None
    client = TestClient(app)
    assert "archive" in client.get("/").text
    answer = client.get("/2026-01-05/")
    assert "night" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for path in ("/../ledger.db", "/%2e%2e/ledger.db", "/link", "/nothing"):
        assert client.get(path).status_code == 404, path


def test_airflow_loads_the_plugin_and_not_the_library_file_by_file(dagbag) -> None:
    import sys

    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()
    assert errors == {}
    assert "concord" in {plugin.name for plugin in plugins}
    assert "splitting" not in sys.modules
