"""One `ingest_<feed>` DAG a contract: agreement gate, land, check and split."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, dag, get_parsing_context, task

from concord.contracts.models import Contract
from concord.orchestration import assets, county, dates
from concord.steps import Step


def ingest(contract: Contract) -> DAG:
    """Make the DAG of one feed."""

    @dag(
        dag_id=f"ingest_{contract.id}",
        schedule=dates.nightly(
            contract.delivery.cadence.nightly_cron, contract.timezone
        ),
        start_date=county.scheduled_from(contract.timezone),
        catchup=False,
        max_active_runs=1,
        default_args=county.default_args(),
        tags=["concord", "ingest", f"sector:{contract.sector}"],
        doc_md=county.describe(contract),
    )
    def ingest_feed() -> None:
        @task(**county.when_late(), **county.on_queue(Step.LAND))
        def land(dag_run: Any = None) -> list[str]:
            from concord.orchestration import tasks

            return tasks.land(contract.id, dates.night_of(dag_run))

        @task(
            outlets=[assets.checked(contract.id)],
            execution_timeout=timedelta(hours=4),
            **county.on_queue(Step.CHECK),
        )
        def check(deliveries: list[str], dag_run: Any = None) -> dict[str, Any]:
            from concord.orchestration import tasks

            return tasks.check(contract.id, dates.night_of(dag_run))

        check(land())

    return ingest_feed()


wanted = get_parsing_context().dag_id
for contract in county.contracts():
    if wanted in (None, f"ingest_{contract.id}"):
        ingest(contract)
