"""`scan_artefacts`: every morning everybody in the vault is looked for everywhere else.

Whatever is found, and a scan that does not see everybody in the opened vault, fails the
run. Nothing waits for it: what is in a release was looked for before it was published.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from concord.orchestration import county, dates
from concord.steps import Step


@dag(
    schedule=dates.nightly(county.scan_cron(), county.timezone()),
    start_date=county.scheduled_from(),
    catchup=False,
    max_active_runs=1,
    default_args=county.default_args(),
    tags=["concord", "privacy"],
    doc_md=__doc__,
)
def scan_artefacts() -> None:
    """Scan tables, logs, databases, reports and temporary files of all nights."""

    @task(execution_timeout=timedelta(hours=8), **county.on_queue(Step.SCAN))
    def scan(dag_run: Any = None) -> dict[str, int]:
        from concord.orchestration import tasks

        return tasks.scan(dates.night_of(dag_run))

    scan()


scan_artefacts()
