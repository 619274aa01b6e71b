"""Every kind of failure, through Airflow itself: nothing of the data is left anywhere.

Logs, tracebacks, XCom and everything else in Airflow's database, the ledger, the report
and, where OpenLineage is installed, the lineage events are searched for the canary.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from concord import pipeline
from concord.demo.launcher import Airflow
from concord.disclosure.identifiers import Dictionary, scan_tree
from concord.pipeline.county import error_store
from concord.settings import Settings
from tests.support.failures import CANARY, FAILURES, NAME
from tests.support.small_feed import client, night, opened, visit

pytestmark = [
    pytest.mark.nights,
    pytest.mark.xdist_group("nights"),
    pytest.mark.enable_socket,
]
NIGHT = "2026-01-05"
PROVIDER = "apache-airflow-providers-openlineage"
SECONDS = 900
OTHERS = ("returns_a_value", "killed")
DAG = """
import os, signal

from airflow.sdk import dag, task

from concord.orchestration import county, dates
from tests.support.failures import CANARY, FAILURES


@dag(
    schedule=dates.nightly("0 3 * * *", "UTC"),
    start_date=county.scheduled_from("UTC"),
    catchup=False,
    default_args={**county.default_args(), "retries": 0},
)
def failures():
    def failing(failure):
        @task(task_id=failure.__name__)
        def fail():
            from concord.orchestration import tasks

            tasks.step("check-clinic", lambda county: failure())

        fail()

    for failure in FAILURES:
        failing(failure)

    @task
    def returns_a_value():
        return {"received": 1, CANARY: CANARY}

    @task
    def killed():
        from concord.orchestration import tasks

        def die(county):
            print(CANARY)
            with county.zones.workspace("check") as folder:
                (folder / "rows.csv").write_text(CANARY)
                os.kill(os.getpid(), signal.SIGKILL)

        tasks.step("check-clinic", die)

    returns_a_value()
    killed()


failures()
"""


@dataclass(frozen=True)
class Failed:
    """What is there after everything has failed."""

    home: Path
    airflow: Path
    lineage: Path

    def states(self) -> dict[str, str]:
        with sqlite3.connect(self.airflow / "airflow.db") as database:
            rows = database.execute("SELECT task_id, state FROM task_instance")
            return dict(rows.fetchall())


def _lineage(folder: Path) -> str:
    """Return the setting of a site that has lineage on, as the how-to has it."""
    return json.dumps(
        {
            "type": "transform",
            "transformer_class": "concord.orchestration.lineage.Redacted",
            "transport": {"type": "file", "log_file_path": str(folder / "events")},
        }
    )


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failed]:
    folder = tmp_path_factory.mktemp("failures")
    dags, lineage = folder / "dags", folder / "lineage"
    dags.mkdir()
    lineage.mkdir()
    (dags / "failures.py").write_text(DAG)
    with opened(folder) as clinic:
        clinic.check(night(0), [client(1)], [visit(1)])
        home = clinic.county.settings.home
        extra = {
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": _lineage(lineage),
            "CONCORD_HOME": str(home),
            "CONCORD_PROJECT": str(folder),
            "CONCORD_SCHEDULE_FROM": "2100-01-01",
        }
        with Airflow(folder / "airflow", extra, lambda _: None) as airflow:
            airflow.wait_for_dags({"failures"})
            airflow.trigger("failures", NIGHT)
            deadline = time.monotonic() + SECONDS
            while {run.state for run in airflow.runs()} != {"failed"}:
                airflow.check_alive()
                assert time.monotonic() < deadline
                time.sleep(1)
        pipeline.report(clinic.county, night(0))
        yield Failed(home, folder / "airflow", lineage)


def test_every_task_failed(failed: Failed) -> None:
    names = {*(failure.__name__ for failure in FAILURES), *OTHERS}
    assert failed.states() == dict.fromkeys(names, "failed")


def test_nothing_of_the_data_is_left_anywhere(failed: Failed) -> None:
    looked_at = [
        failed.airflow,
        failed.lineage,
        failed.home / "ledger.db",
        failed.home / "reports",
        failed.home / "releases",
    ]
    number = CANARY.removeprefix(NAME).strip()
    found = scan_tree(looked_at, Dictionary.from_vault([], tokens=[NAME, number]))
    assert {finding.artefact for finding in found} == set()


def test_the_search_would_have_found_it(failed: Failed, tmp_path: Path) -> None:
    """The positive control: one line more in a log, and the search is red."""
    log = next((failed.airflow / "logs").rglob("*.log"))
    (tmp_path / "task.log").write_bytes(log.read_bytes() + json.dumps(NAME).encode())
    assert scan_tree([tmp_path], Dictionary.from_vault([], tokens=[NAME]))


def test_the_log_names_step_kind_and_the_stewards_number(failed: Failed) -> None:
    logs = (failed.airflow / "logs").rglob("task_id=cast_in_duckdb/*.log")
    text = "".join(path.read_text() for path in logs)
    assert "check-clinic: ConversionException. The steward reads it" in text
    logs = (failed.airflow / "logs").rglob("task_id=words_of_a_library/*.log")
    assert "withheld" in "".join(path.read_text() for path in logs)


def test_the_steward_reads_what_was_behind_each(failed: Failed) -> None:
    store = error_store(Settings(home=failed.home))
    kept = store.listed()
    assert len(kept) >= len(FAILURES)
    assert all(NAME in store.read(one.number) for one in kept)


@pytest.mark.skipif(
    not list(distributions(name=PROVIDER)), reason=f"{PROVIDER} is not installed"
)
def test_lineage_tells_of_the_failures_without_their_messages(failed: Failed) -> None:
    events = [json.loads(path.read_text()) for path in failed.lineage.iterdir()]
    assert {event["eventType"] for event in events} >= {"START", "FAIL"}
    assert not any("errorMessage" in event["run"]["facets"] for event in events)
