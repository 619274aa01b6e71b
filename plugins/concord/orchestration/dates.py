"""Which night a DAG run is for: answered here and nowhere else."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronPartitionTimetable

from concord.exceptions import ConfigError

KEY_FORMAT = "%Y-%m-%d"


def night_of(dag_run: Any) -> date:
    """Return the night of a DAG run: its partition key.

    Raises:
        ConfigError: The run has no partition key, so it is for no night.
    """
    key = dag_run.partition_key
    try:
        return datetime.strptime(key or "", KEY_FORMAT).date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise ConfigError(
            f"run '{dag_run.run_id}' has the partition key {key!r}. Trigger it with "
            "the night as partition key, e.g. 2026-01-05"
        ) from error


def nightly(cron: str, timezone: str) -> CronPartitionTimetable:
    """Return a timetable whose runs carry their night as partition key."""
    return CronPartitionTimetable(cron, timezone=timezone, key_format=KEY_FORMAT)


def first_schedulable(day: date, timezone: str) -> datetime:
    """Return the moment before which no night is scheduled."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
