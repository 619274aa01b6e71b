"""Fixtures that several kinds of test use: a small county and its servers."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from concord.settings import PROJECT
from simulator.servers import AgencyServers, ServerOptions
from tests.support.small_county import (
    NIGHTS,
    County,
    Eavesdropper,
    MemorySink,
    Running,
)

ORCHESTRATION = "concord.orchestration"


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path / "county")


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def start(county: County, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers for the county; they stop when the test ends."""
    with ExitStack() as stack:

        def start_servers(**options: Any) -> Running:
            chosen = ServerOptions(**{"poll_seconds": 0, **options})
            servers = AgencyServers(county.root, tmp_path / "secrets", chosen)
            return Running(stack.enter_context(servers))

        yield start_servers


@pytest.fixture
def elsewhere() -> Iterator[Eavesdropper]:
    """Another host, which must never hear from us."""
    host = Eavesdropper()
    yield host
    host.close()


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """Airflow for tests: its own home, no examples, nothing outside the project.

    For every test, as Airflow reads this once, when whatever test imports it first.
    """
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{Path(home) / 'a.db'}",
            "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": f"{ORCHESTRATION}.logs.LOGGING",
            "AIRFLOW__CORE__XCOM_BACKEND": f"{ORCHESTRATION}.references.References",
        }
        yield Path(home)


@pytest.fixture
def fetch(county: County, start: Callable[..., Running]) -> Callable[..., Any]:
    """Fetch one resource of the probation feed through a script of answers."""
    county.clock(county.night(0))

    def fetch_through(script: Callable[..., Any], **spec: Any) -> Any:
        running = start(intercept=script)
        spec = {"resources": ("persons",), **spec}
        return running.fetch("probation", NIGHTS[0], **spec)

    return fetch_through


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the command line room, so that its tables break no word."""
    monkeypatch.setattr("concord.terminal.console.width", 200)
