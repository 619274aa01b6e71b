"""What happens when a task fails: it is written down; nothing fails in silence."""

from typing import Any

from concord.orchestration.dates import night_of


def record_failure(context: dict[str, Any]) -> None:
    """Append the failure to the ledger: which task, which night, which kind of error.

    May be called more than once for one failure; an event more does no harm.
    """
    from concord.orchestration.tasks import step

    instance = context["task_instance"]
    error = context.get("exception")
    facts = {
        "dag": instance.dag_id,
        "task": instance.task_id,
        "attempt": instance.try_number,
        "error": getattr(error, "kind", type(error).__name__),
    }
    night = night_of(context["dag_run"])
    step("callback", lambda c: c.ledger.record_event("task_failed", night, **facts))
