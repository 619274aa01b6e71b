"""`link_persons`: when every feed's night is checked or carried forward."""

from functools import reduce
from operator import and_
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

from concord.orchestration import assets, county, dates
from concord.steps import Step

FEEDS = [assets.checked(contract.id) for contract in county.contracts()]


@dag(
    schedule=PartitionedAssetTimetable(assets=reduce(and_, FEEDS)),
    start_date=county.scheduled_from(),
    catchup=False,
    max_active_runs=1,
    default_args=county.default_args(),
    tags=["concord", "linkage"],
    doc_md=__doc__,
)
def link_persons() -> None:
    """Standardise, compare, group; give person ids that last."""

    @task(outlets=[assets.persons()], **county.on_queue(Step.LINK, Step.ASSAULTS))
    def link(dag_run: Any = None) -> str:
        from concord.orchestration import tasks

        return tasks.link(dates.night_of(dag_run))

    link()


link_persons()
