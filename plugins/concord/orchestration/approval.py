"""People in a DAG: who describes a release, and who reviews it, in Airflow's own form.

Airflow shows what is asked under *Required Actions*, and says who answered. Only the
DAGs of profiles that ask for reviewers have these tasks.
"""

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Asset, Param, task

from concord.contracts.models import ReleaseProfile
from concord.orchestration.answers import DOCUMENTS, NOTHING

SUBMIT = "Submit"
_SEEN = (
    "Release {{ ti.xcom_pull(task_ids='draft')['release'] }} of %s, content "
    "`{{ ti.xcom_pull(task_ids='draft')['digest'] }}`. Look at it with "
    "`concord release show %s {{ ti.xcom_pull(task_ids='draft')['release'] }}`."
)


def ask_context(profile: ReleaseProfile) -> HITLOperator:
    """Return the task in which its author says what reviewers must know."""

    def text(title: str) -> Param:
        return Param("", type="string", minLength=1, maxLength=500, title=title)

    return HITLOperator(
        task_id="describe",
        subject=f"Describe the new release of {profile.title}",
        body=f"{_SEEN % (profile.id, profile.id)} Whoever answers is its author and "
        "can't review it.",
        options=[SUBMIT],
        params={
            "population": text("Whom the figures are about"),
            "period": text("The days that they are of"),
            "count": Param(0, type="integer", minimum=0, title="Persons they rest on"),
            "related": text("Earlier releases that overlap with it, or 'none'"),
        },
    )


def ask_reviewer(profile: ReleaseProfile, number: int) -> HITLOperator:
    """Return the task in which one reviewer chooses the files that may leave."""
    return HITLOperator(
        task_id=f"review_{number}",
        subject=f"Review {number} of {profile.reviewers}: {profile.title}",
        body=f"{_SEEN % (profile.id, profile.id)} Choose every part that may leave; "
        "what is not chosen is rejected.",
        options=[*profile.tables, DOCUMENTS, NOTHING],
        multiple=True,
    )


def add_people(profile: ReleaseProfile, draft: Any, outlets: list[Asset]) -> None:
    """Add to a DAG what follows on a draft: its author, its reviewers, its release."""

    @task
    def submit(draft: dict[str, Any], answer: Any) -> dict[str, int]:
        from concord.orchestration import tasks

        return tasks.submit(profile.id, draft["release"], answer)

    @task
    def vote(draft: dict[str, Any], answer: Any) -> dict[str, int]:
        from concord.orchestration import tasks

        return tasks.vote(profile.id, draft["release"], answer)

    @task(outlets=outlets)
    def release(draft: dict[str, Any], answer: Any) -> dict[str, Any]:
        from concord.orchestration import tasks

        return tasks.let_out(profile.id, draft["release"], answer)

    described = ask_context(profile)
    draft >> described
    submitted = submit(draft, described.output)
    released = release(draft, described.output)
    for number in range(1, profile.reviewers + 1):
        reviewed = ask_reviewer(profile, number)
        submitted >> reviewed
        voted = vote.override(task_id=f"vote_{number}")(draft, reviewed.output)
        voted >> released
