"""`watch_deliveries`: at the deadline the county goes on without a feed that is late.

One task a feed: it is skipped where the feed was checked, and otherwise emits the
feed's asset for the night, so that linkage runs with last good data carried forward.
"""

from typing import Any

from airflow.sdk import dag, task

from concord.contracts.models import Contract
from concord.orchestration import assets, county, dates
from concord.steps import Step


@dag(
    schedule=dates.nightly(county.deadline_cron(), county.timezone()),
    start_date=county.scheduled_from(),
    catchup=False,
    max_active_runs=1,
    default_args=county.default_args(),
    tags=["concord", "watch"],
    doc_md=__doc__,
)
def watch_deliveries() -> None:
    """Carry forward what is missing at the deadline."""

    def watch(contract: Contract) -> Any:
        @task(
            task_id=f"watch_{contract.id}",
            outlets=[assets.checked(contract.id)],
            **county.on_queue(Step.REPORT),
        )
        def carry_forward(dag_run: Any = None) -> dict[str, str]:
            from concord.orchestration import tasks

            return tasks.carry_forward(contract.id, dates.night_of(dag_run))

        return carry_forward()

    @task(
        outlets=[assets.deadline()],
        trigger_rule="all_done",
        **county.on_queue(Step.REPORT),
    )
    def deadline(dag_run: Any = None) -> str:
        return dates.night_of(dag_run).isoformat()

    [watch(contract) for contract in county.contracts()] >> deadline()


watch_deliveries()
