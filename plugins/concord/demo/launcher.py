"""Airflow on SQLite and LocalExecutor, started as real processes and stopped again."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import sqlalchemy as sa

from concord.exceptions import ConcordError
from concord.settings import PROJECT

GRACE_SECONDS = 5
START_SECONDS = 180
COMPONENTS = {
    "api-server": ["api-server", "-t", "5"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}


class DemoFailed(ConcordError):
    """Airflow could not be started or stopped answering; says which log to read."""


@dataclass(frozen=True)
class DagRun:
    """One DAG run as Airflow's metadata database holds it."""

    dag_id: str
    night: str
    state: str


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Airflow:
    """A running Airflow; use it in a ``with`` block, which stops what it started."""

    home: Path
    extra: Mapping[str, str]
    say: Callable[[str], None]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Many tasks at once write to it: they wait for one another longer than SQLite's
        # 5 seconds, which a busy machine needs.
        self.database = f"sqlite:///{self.home / 'airflow.db'}?timeout=60"
        self.environment = {**os.environ, **self._settings(), **self.extra}

    def _settings(self) -> dict[str, str]:
        settings = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__FERNET_KEY": "",
            "CORE__XCOM_BACKEND": "concord.orchestration.references.References",
            "DATABASE__SQL_ALCHEMY_CONN": self.database,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "LOGGING__LOGGING_CONFIG_CLASS": "concord.orchestration.logs.LOGGING",
            "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o750",
            "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o640",
        }
        named = {f"AIRFLOW__{name}": value for name, value in settings.items()}
        paths = [str(PROJECT / "plugins"), str(PROJECT)]
        return {
            **named,
            "AIRFLOW_HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join(paths),
        }

    def __enter__(self) -> Self:
        """Migrate the database, start every component, wait until all answer."""
        try:
            self._prepare()
            for name, command in COMPONENTS.items():
                self._start(name, command)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything that was started."""
        self.stop()

    def _prepare(self) -> None:
        config = self.home / "config"
        config.mkdir(parents=True)
        shutil.copy(PROJECT / "config" / "airflow_local_settings.py", config)
        self.say("preparing Airflow's database")
        with (self.home / "migrate.log").open("wb") as log:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env=self.environment,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise DemoFailed(f"airflow db migrate failed: read {log.name}")

    def _start(self, name: str, command: list[str]) -> None:
        log = (self.home / f"{name}.log").open("wb")
        # A session of its own: Ctrl-C reaches the demo alone, which then stops all.
        self.processes[name] = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "airflow", *command],
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        self.say("starting Airflow")
        # The first request to the execution API builds its routes, which takes
        # seconds: paid here, before a task needs it.
        self._until(lambda: self._answers("/execution/health"), "the API server")
        self.say("waiting for the DAGs")
        self._until(lambda: self._scheduler_alive(), "the scheduler")

    def _answers(self, path: str) -> bool:
        try:
            return requests.get(self.url + path, timeout=60).ok
        except requests.RequestException:
            return False

    def _scheduler_alive(self) -> bool:
        health = requests.get(f"{self.url}/api/v2/monitor/health", timeout=60).json()
        return bool(health["scheduler"]["status"] == "healthy")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            self.check_alive()
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"{what} did not answer in {START_SECONDS} s: "
                    f"read {self.home}/*.log"
                )
            time.sleep(0.2)

    def check_alive(self) -> None:
        """Raise DemoFailed where a component has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise DemoFailed(
                    f"{name} ended with {process.returncode}: "
                    f"read {self.home / name}.log"
                )

    def wait_for_dags(self, expected: set[str]) -> None:
        """Wait until exactly these DAGs are known."""
        self._until(lambda: expected <= self._dags(), "the DAG processor")

    def _dags(self) -> set[str]:
        return {d["dag_id"] for d in self._get("/dags?limit=100")["dags"]}

    def trigger(self, dag_id: str, night: str) -> None:
        """Start a DAG run for a night."""
        self._post(f"/dags/{dag_id}/dagRuns", {"partition_key": night})

    def runs(self) -> list[DagRun]:
        """Read every DAG run from the metadata database."""
        engine = sa.create_engine(self.database)
        query = sa.text("SELECT dag_id, partition_key, state FROM dag_run ORDER BY id")
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        engine.dispose()
        return [DagRun(r.dag_id, r.partition_key, r.state) for r in rows]

    def _get(self, path: str) -> Any:
        answer = requests.get(
            f"{self.url}/api/v2{path}", headers=self._headers(), timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = requests.post(
            f"{self.url}/api/v2{path}",
            json={"logical_date": None, **body},
            headers=self._headers(),
            timeout=60,
        )
        answer.raise_for_status()

    def _headers(self) -> dict[str, str]:
        if not hasattr(self, "_token"):
            answer = requests.get(f"{self.url}/auth/token", timeout=60)
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def stop(self) -> None:
        """Ask every component to end, then end what has not."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _end_group(process)
        self.processes.clear()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a component's session: its workers outlive it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(GRACE_SECONDS)
