"""`report_quality`: the oversight report, after a release or at a night's deadline."""

from functools import reduce
from operator import or_
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

from concord.orchestration import assets, county, dates
from concord.steps import Step

OCCASIONS = [assets.deadline(), *(assets.release(p) for p in county.profiles())]


@dag(
    schedule=PartitionedAssetTimetable(assets=reduce(or_, OCCASIONS)),
    start_date=county.scheduled_from(),
    catchup=False,
    max_active_runs=1,
    default_args=county.default_args(),
    tags=["concord", "report"],
    doc_md=__doc__,
)
def report_quality() -> None:
    """Write the night's page from the ledger: counts and states, never a row."""

    @task(**county.on_queue(Step.REPORT))
    def report(dag_run: Any = None) -> str:
        from concord.orchestration import tasks

        return tasks.report(dates.night_of(dag_run))

    report()


report_quality()
