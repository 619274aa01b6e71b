"""One `publish_<release>` DAG a release profile: de-identify, check, publish.

Where the profile asks for reviewers, people come in between: one describes the release,
others review it, file by file, and only then it is published.
"""

from typing import Any

from airflow.sdk import DAG, PartitionedAssetTimetable, dag, get_parsing_context, task

from concord.orchestration import assets, county, dates
from concord.steps import Step


def publish(profile: str) -> DAG:
    """Make the DAG of one release profile."""

    @dag(
        dag_id=f"publish_{profile}",
        schedule=PartitionedAssetTimetable(assets=assets.persons()),
        start_date=county.scheduled_from(),
        catchup=False,
        max_active_runs=1,
        default_args=county.default_args(),
        tags=["concord", "release", f"profile:{profile}"],
        doc_md=__doc__,
    )
    def publish_release() -> None:
        @task(**county.on_queue(Step.KEYMAP))
        def prepare_keymap(dag_run: Any = None) -> str:
            from concord.orchestration import tasks

            return tasks.prepare_keymap(profile, dates.night_of(dag_run))

        def build(keymap: str, dag_run: Any = None) -> dict[str, Any]:
            from concord.orchestration import tasks

            return tasks.publish(profile, dates.night_of(dag_run), dag_run.run_id)

        outlets = [assets.release(profile)]
        queue = county.on_queue(Step.ASSEMBLE, Step.GATE)
        if county.profile(profile).reviewers:
            from concord.orchestration.approval import add_people

            draft = task(task_id="draft", **queue)(build)(prepare_keymap())
            add_people(county.profile(profile), draft, outlets)
        else:
            task(task_id="release", outlets=outlets, **queue)(build)(prepare_keymap())

    return publish_release()


wanted = get_parsing_context().dag_id
for profile in county.profiles():
    if wanted in (None, f"publish_{profile}"):
        publish(profile)
