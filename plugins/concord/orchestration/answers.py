"""What people answered in Airflow, as the release gate takes it."""

from collections.abc import Mapping, Sequence
from typing import Any

DOCUMENTS = "documents"
NOTHING = "none of them"


def chosen(
    answer: Mapping[str, Any], files: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the files that an answer approves, and those that it does not."""
    parts = set(answer["chosen_options"]) - {NOTHING}

    def part(file: str) -> str:
        table, inside, _ = file.partition("/")
        return table if inside else DOCUMENTS

    return (
        [file for file in files if part(file) in parts],
        [file for file in files if part(file) not in parts],
    )


def person(answer: Mapping[str, Any]) -> str:
    """Return the login of who answered; empty if nobody did."""
    user = answer.get("responded_by_user") or {}
    return str(user.get("id") or "")
