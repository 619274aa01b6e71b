"""Between tasks go references and counts, and into logs no word of the data."""

import json
from io import BytesIO
from typing import Any

import pytest

from concord.settings import PROJECT
from tests.support.failures import CANARY, NAME

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]
STATE = "2026-01-05-0123456789ab"
DELIVERY = "police_rms:2026-01-05:0123456789abcdef"
CHECKED = {
    "feed": "school",
    "night": "2026-01-05",
    "state_id": STATE,
    "received": 3,
    "published": 2,
    "quarantined": 1,
    "rejected": 0,
}


@pytest.fixture(autouse=True)
def _airflow(airflow_home: object) -> None:
    """Airflow has a home of its own before it is imported."""


@pytest.mark.parametrize(
    "value",
    [
        None,
        STATE,
        [DELIVERY],
        [],
        CHECKED,
        {"feed": "complaints", "night": "2026-01-20", "on_time": True},
        {"feed": "survey", "since": "never"},
        {"release": 12, "digest": "0" * 64},
        "2026-01-05",
    ],
)
def test_references_and_counts_are_stored_as_they_are(value: Any) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    from concord.orchestration.references import References

    stored = References.serialize_value(value, key="return_value", task_id="t")
    assert stored == BaseXCom.serialize_value(value)


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        NAME,
        "Rosalind Thackeray",
        "thackeray",
        "518-44-9021",
        518449021,
        4.5,
        b"518449021",
        f"{NAME}:2026-01-05:0123456789abcdef",
        [DELIVERY, "thackeray"],
        [[DELIVERY]],
        [DELIVERY] * 1001,
        {"thackeray": 1},
        {"received": "thackeray"},
        {"received": -1},
        {"feed": "thackeray"},
        {**CHECKED, "name": "school"},
        {"night": {"feed": "school"}},
        {1, 2},
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused_and_not_shown(value: Any) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from concord.orchestration.references import References

    with pytest.raises(AirflowFailException) as refused:
        References.serialize_value(value, key="return_value", dag_id="d", task_id="t")
    assert str(refused.value).startswith("d.t: its result is no reference or count")
    assert "thackeray" not in str(refused.value).lower()
    assert NAME not in str(refused.value)


def test_what_a_person_answered_in_airflows_own_form_is_stored() -> None:
    from concord.orchestration.references import is_harmless

    answer = {
        "chosen_options": ["Submit"],
        "params_input": {"period": "2026"},
        "responded_at": "2026-01-06T00:00:00Z",
        "responded_by_user": {"id": "a", "name": "A"},
    }
    assert is_harmless(answer)
    assert not is_harmless({**answer, "row": "thackeray"})
    assert not is_harmless({"params_input": {"name": "thackeray"}})


def test_what_stands_under_a_key_is_held_to_the_key() -> None:
    from concord.orchestration.references import is_harmless

    assert is_harmless(3, "received")
    assert not is_harmless(3, "return_value")
    assert not is_harmless("thackeray", "feed")


def test_airflow_uses_the_backend_and_the_guarded_log() -> None:
    from airflow.sdk.execution_time.xcom import resolve_xcom_backend
    from airflow.sdk.log import load_remote_log_handler

    from concord.orchestration import logs, references

    assert resolve_xcom_backend() is references.References
    assert load_remote_log_handler() is logs.REMOTE_TASK_LOG


def test_the_log_stays_in_its_file_and_is_read_from_there(tmp_path: Any) -> None:
    from concord.orchestration.logs import REMOTE_TASK_LOG

    path = tmp_path / "attempt=1.log"
    path.write_text("x")
    REMOTE_TASK_LOG.upload(path)
    assert path.read_text() == "x"
    assert REMOTE_TASK_LOG.read("attempt=1.log", None) == ([], None)


def test_no_task_writes_its_result_into_the_log(dagbag: Any) -> None:
    tasks = [task for dag in dagbag.dags.values() for task in dag.tasks]
    assert tasks
    logged = "show_return_value_in_logs"
    assert not any(getattr(task, logged, False) for task in tasks)


def written(**event: Any) -> dict[str, Any]:
    """Write an event as Airflow's supervisor writes those of a task; returns it."""
    import structlog
    from airflow.sdk.log import logging_processors

    file = BytesIO()
    logger = structlog.wrap_logger(
        structlog.BytesLogger(file), processors=logging_processors(json_output=True)
    )
    logger.error(event.pop("event"), **event)
    line: dict[str, Any] = json.loads(file.getvalue())
    return line


@pytest.mark.parametrize(
    "logger", ["task.stdout", "task.stderr", "py.warnings", "duckdb", "splink.x"]
)
def test_of_engines_that_see_rows_no_word_is_kept(logger: str) -> None:
    line = written(event=f"row {CANARY}", logger=logger, v=CANARY * 9)
    assert NAME not in json.dumps(line)
    assert line["event"] == f"(withheld: {len(CANARY) + 4} characters)"
    assert line["logger"] == logger


def test_our_own_words_are_kept_and_numbers_of_people_masked() -> None:
    said = "NOT_READY · school: call 217-555-0148 or a.b@example.org of 518-44-9021"
    line = written(event=said, logger="concord.landing", rows=12)
    assert line["event"] == "NOT_READY · school: call *** or *** of ***"
    assert line["rows"] == 12


def test_an_error_that_may_quote_a_value_is_told_by_its_kind_alone() -> None:
    detail = {"exc_type": "ValueError", "exc_value": CANARY, "is_cause": False}
    ours = {"exc_type": "DeliveryHeld", "exc_value": "CODE · school: x. y"}
    hidden = [{**detail, "exc_notes": [CANARY], "frames": [{"lineno": 3}]}, ours]
    line = written(event="Task failed", logger="task", error_detail=hidden)
    assert NAME not in json.dumps(line)
    told = [(one["exc_type"], one["exc_value"]) for one in line["error_detail"]]
    assert told == [("ValueError", "***"), ("DeliveryHeld", "CODE · school: x. y")]
    assert line["error_detail"][0]["frames"] == [{"lineno": 3}]


def test_an_error_that_is_logged_as_it_is_raised_is_told_by_its_kind() -> None:
    from concord.orchestration.logs import guard

    event = {"event": "x", "logger": "airflow", "exc_info": ValueError(CANARY)}
    assert guard(None, "error", event) == {
        "event": "x",
        "logger": "airflow",
        "error": "ValueError",
    }


def test_containers_are_set_so_too() -> None:
    text = (PROJECT / "docker-compose.yaml").read_text()
    assert "XCOM_BACKEND: concord.orchestration.references.References" in text
    assert "LOGGING_CONFIG_CLASS: concord.orchestration.logs.LOGGING" in text
