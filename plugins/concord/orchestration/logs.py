"""What may stand in a log: our own words, and of engines that see rows no word.

Airflow asks a remote log for the processors of every line. This one keeps logs where
they are and brings a processor alone (``AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS``).
"""

import re
from collections.abc import MutableMapping
from copy import deepcopy
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG

from concord.exceptions import ConcordError

SPEAKERS = frozenset(
    {
        *("airflow", "concord", "task", "supervisor", "dag_processor", "processor"),
        *("alembic", "celery", "kombu", "gunicorn", "uvicorn", "fastapi", "cadwyn"),
    }
)
"""Whose lines are shown: none of them ever sees a row."""

PRINTED = frozenset({"task.stdout", "task.stderr"})
LONGEST = 200
HIDDEN = "***"
PATTERNS = re.compile(
    r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"  # social security number
    r"|(?<!\d)(\+?1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"  # telephone
    r"|[\w.+-]+@[\w-]+(\.[\w-]+)+"  # e-mail
)
Event = MutableMapping[str, Any]


def _known_errors() -> frozenset[str]:
    """Return the names of the errors whose messages can't hold a row's value."""
    names, left = set(), [ConcordError]
    while left:
        kind = left.pop()
        names.add(kind.__name__)
        left += kind.__subclasses__()
    airflow = ("AirflowFailException", "AirflowSkipException")
    return frozenset({*names, *airflow, "ImportError", "ModuleNotFoundError"})


TELLING = _known_errors()


def guard(logger: Any, method: str, event: Event) -> Event:
    """Withhold from a line what may be a value of a row."""
    speaker = str(event.get("logger") or getattr(logger, "name", None) or "airflow")
    silent = speaker in PRINTED or speaker.split(".")[0] not in SPEAKERS
    for key, value in list(event.items()):
        if key == "event" and silent:
            event[key] = f"(withheld: {len(str(value))} characters)"
        elif key in ("error_detail", "exception") and isinstance(value, list):
            event[key] = [_told(one) for one in value]
        elif key == "exc_info":
            event.pop(key)
            event["error"] = _kind(value)
        elif isinstance(value, str):
            event[key] = _masked(value, short=silent or key != "event")
    return event


def _masked(text: str, *, short: bool) -> str:
    if short and len(text) > LONGEST:
        return f"(withheld: {len(text)} characters)"
    return PATTERNS.sub(HIDDEN, text)


def _told(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error of a traceback with its message only if it can't hold a value."""
    told = {key: error.get(key) for key in ("exc_type", "is_cause", "frames")}
    known = error.get("exc_type") in TELLING
    value = str(error.get("exc_value", ""))
    return {
        **told,
        "exc_value": _masked(value, short=False) if known else HIDDEN,
        "exc_notes": [],
        "syntax_error": None,
        "is_group": False,
        "exceptions": [],
    }


def _kind(info: Any) -> str:
    """Return the kind of what a line was logged with."""
    error = info[1] if isinstance(info, tuple) else info
    return type(error).__name__ if isinstance(error, BaseException) else ""


class GuardedLog:
    """Airflow's interface of a remote log; the logs stay in the local files."""

    processors = (guard,)

    def upload(self, path: Any, ti: Any = None) -> None:
        """Leave the file where it is."""

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], None]:
        """Have nothing besides the local files."""
        return [], None


LOGGING = deepcopy(DEFAULT_LOGGING_CONFIG)
REMOTE_TASK_LOG = GuardedLog()
