"""What the DAG files need to know of the county; cheap enough to parse every minute."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from concord.contracts.models import Contract, ReleaseProfile
from concord.contracts.registry import Registry, load_registry
from concord.orchestration.callbacks import record_failure
from concord.orchestration.dates import first_schedulable
from concord.settings import Settings
from concord.steps import Step

SCAN_AFTER_MINUTES = 240  # in which the night's release and report are made


@lru_cache(maxsize=1)
def _registry() -> Registry:
    return load_registry(Settings())


def contracts() -> list[Contract]:
    """Return every feed's contract, by name."""
    registry = _registry()
    return [registry.contracts[feed] for feed in sorted(registry.contracts)]


def profiles() -> list[str]:
    """Return the names of the profiles of which every night has a release."""
    return _registry().nightly


def names() -> frozenset[str]:
    """Return the names of the feeds and release profiles."""
    return frozenset({*_registry().contracts, *_registry().profiles})


def profile(name: str) -> ReleaseProfile:
    """Return a release profile."""
    return _registry().profile(name)


def timezone() -> str:
    """Return the county's time zone: that of its feeds, which must agree."""
    return contracts()[0].timezone


def scheduled_from(zone: str | None = None) -> datetime:
    """Return the moment before which nothing is scheduled by itself."""
    return first_schedulable(Settings().schedule_from, zone or timezone())


def deadline_cron() -> str:
    """Return when the last feed's grace has ended."""
    return _daily(max(_end_of_grace(contract) for contract in contracts()))


def scan_cron() -> str:
    """Return when a night's artefacts are scanned: when all of the night is over."""
    latest = max(_end_of_grace(contract) for contract in contracts())
    return _daily(latest + SCAN_AFTER_MINUTES)


def _daily(minutes: int) -> str:
    return f"{minutes % 60} {minutes // 60 % 24} * * *"


def _end_of_grace(contract: Contract) -> int:
    hours, minutes = contract.delivery.due.split(":")
    return int(hours) * 60 + int(minutes) + contract.delivery.grace_minutes


def when_late() -> dict[str, Any]:
    """Return how a feed that has not delivered yet is asked again: often, evenly.

    By default every ten minutes for two hours, which is the grace of the contracts.
    """
    settings = Settings()
    return {
        "retries": settings.late_retries,
        "retry_delay": timedelta(seconds=settings.retry_seconds),
        "retry_exponential_backoff": False,
    }


def default_args() -> dict[str, Any]:
    """Return what every task has in common."""
    settings = Settings()
    return {
        "owner": "concord",
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=min(settings.retry_seconds, 60)),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "on_failure_callback": record_failure,
        "show_return_value_in_logs": False,
    }


def on_queue(*steps: Step) -> dict[str, str]:
    """Return the queue of a task that runs these steps, where each has its own.

    The workers of a queue are given the keys of its steps and no others.
    """
    if not Settings().step_queues:
        return {}
    return {"queue": "concord-" + "-".join(steps)}


def describe(contract: Contract) -> str:
    """Return the notes that stand beside a feed's DAG."""
    return (
        f"**{contract.name}** of {contract.agency}. {contract.purpose}\n\n"
        f"- due {contract.delivery.due} {contract.timezone}, grace "
        f"{contract.delivery.grace_minutes} minutes\n"
        f"- due on the nights of `{contract.delivery.cron}`, late after "
        f"{contract.delivery.grace_days} more; asked every night while it owes one\n"
        f"- steward: {contract.steward}\n"
        f"- limits: {contract.limitations}\n"
        "- when it fails: `concord status`, then docs/how-to/handle_a_held_delivery.md"
    )
