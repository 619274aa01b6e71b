"""People in a DAG: who describes a release, and who reviews it, in Airflow's own form.

Airflow shows what is asked under *Required Actions*, and says who answered. Only the
DAGs of profiles that ask for reviewers have these tasks.
"""

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from concord.contracts.models import ReleaseProfile

DOCUMENTS = "documents"
NOTHING = "none of them"
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


def chosen(answer: dict[str, Any], files: list[str]) -> tuple[list[str], list[str]]:
    """Return the files that an answer approves, and those that it does not."""
    parts = set(answer["chosen_options"]) - {NOTHING}

    def part(file: str) -> str:
        table, inside, _ = file.partition("/")
        return table if inside else DOCUMENTS

    return (
        [file for file in files if part(file) in parts],
        [file for file in files if part(file) not in parts],
    )


def person(answer: dict[str, Any]) -> str:
    """Return the login of who answered; empty if nobody did."""
    user = answer.get("responded_by_user") or {}
    return str(user.get("id") or "")
