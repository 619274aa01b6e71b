"""The DAG of a profile that asks for reviewers: people between draft and release."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from concord import pipeline
from concord.publication.reading import current
from concord.publication.release import publish
from concord.settings import PROJECT, Settings
from tests.support.releases import context, night, some_tables

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]
PROFILE = "research"
TASKS = {
    "prepare_keymap", "draft", "describe", "submit", "review_1", "vote_1", "review_2",
    "vote_2", "release",
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A county whose research releases are asked two reviewers for."""
    project = tmp_path / "project"
    for name in ("include", "expectations"):
        shutil.copytree(PROJECT / name, project / name)
    profile = project / "include" / "releases" / f"{PROFILE}.yaml"
    profile.write_text(profile.read_text() + "approval: {reviewers: 2}\n")
    monkeypatch.setenv("CONCORD_PROJECT", str(project))
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "home"))
    return Settings()


@pytest.fixture
def publish_dag(settings: Settings, airflow_home: object) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    from concord.orchestration import county

    county._registry.cache_clear()
    try:
        bag = DagBag(dag_folder=str(PROJECT / "dags" / "publish_releases.py"))
        assert bag.import_errors == {}
        yield bag.dags[f"publish_{PROFILE}"]
    finally:
        county._registry.cache_clear()


def answered(operator: Any, by: str, *options: str, **form: Any) -> dict[str, Any]:
    """Answer a task as Airflow does when a person has filled in its form."""
    event = {
        "chosen_options": list(options),
        "params_input": form,
        "responded_at": datetime(2026, 1, 6, tzinfo=UTC),
        "responded_by_user": {"id": by, "name": by.title()},
        "timedout": False,
    }
    return dict(operator.execute_complete({}, event))


@pytest.fixture
def draft(settings: Settings) -> dict[str, Any]:
    """A draft as the task before it builds one."""
    with pipeline.open_county(settings) as county:
        made = publish(
            some_tables(),
            context=context(night(1)),
            releases=county.zones.releases,
            held_back=True,
        )
    return {"release": made.number, "digest": made.content_digest}


def run(dag: Any, task_id: str, *given: Any) -> Any:
    return dag.get_task(task_id).python_callable(*given)


WHAT = {"population": "all", "period": "2026", "count": 40, "related": "none"}
PARTS = ("person", "incident", "documents")


def test_people_stand_between_draft_and_release(publish_dag) -> None:
    from airflow.providers.standard.operators.hitl import HITLOperator

    dag = publish_dag
    assert set(dag.task_ids) == TASKS
    asked = {t.task_id for t in dag.tasks if isinstance(t, HITLOperator)}
    assert asked == {"describe", "review_1", "review_2"}
    release = dag.get_task("release")
    assert {"vote_1", "vote_2", "submit", "draft"} <= release.get_flat_relative_ids(
        upstream=True
    )
    assert dag.get_task("review_1").upstream_task_ids == {"submit"}
    assert [o.name for o in release.outlets] == [f"release/{PROFILE}"]
    assert dag.get_task("draft").outlets == []
    for task in dag.tasks:
        assert task.retries >= 1
        assert task.on_failure_callback


def test_the_dag_survives_serialisation(publish_dag) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    assert DagSerialization.to_dict(publish_dag)["dag"]["dag_id"] == "publish_research"


def test_two_reviewers_answers_let_a_release_out(publish_dag, settings, draft) -> None:
    dag, releases = publish_dag, settings.home / "releases"
    described = answered(dag.get_task("describe"), "ada", "Submit", **WHAT)
    assert run(dag, "submit", draft, described) == {"release": 1, "files": 10}
    for number, reviewer in ((1, "ben"), (2, "cleo")):
        review = answered(dag.get_task(f"review_{number}"), reviewer, *PARTS)
        assert current(releases, PROFILE) is None
        assert run(dag, f"vote_{number}", draft, review) == {"release": 1}
    assert run(dag, "release", draft, described) == draft
    assert current(releases, PROFILE).name == "r000001"


def test_the_author_the_same_reviewer_and_a_part_not_chosen_stop_the_dag(
    publish_dag, settings, draft
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    dag = publish_dag
    described = answered(dag.get_task("describe"), "ada", "Submit", **WHAT)
    run(dag, "submit", draft, described)
    review = dag.get_task("review_1")
    with pytest.raises(AirflowFailException, match="AUTHOR_VOTED"):
        run(dag, "vote_1", draft, answered(review, "ada", *PARTS))
    run(dag, "vote_1", draft, answered(review, "ben", *PARTS))
    with pytest.raises(AirflowFailException, match="VOTED_ALREADY"):
        run(dag, "vote_2", draft, answered(review, "ben", *PARTS))
    with pytest.raises(AirflowFailException, match="NOT_APPROVED"):
        run(dag, "release", draft, described)
    run(dag, "vote_2", draft, answered(review, "cleo", "person", "documents"))
    with pytest.raises(AirflowFailException, match=r"REJECTED.*incident"):
        run(dag, "release", draft, described)
    assert current(settings.home / "releases", PROFILE) is None


def test_nobody_is_asked_where_the_profile_asks_for_nobody(tmp_path: Path) -> None:
    """In a fresh process: the DAG of today's profile imports no form at all."""
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "print('airflow.providers.standard.operators.hitl' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROJECT / "dags" / "publish_releases.py")],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path),
             "PYTHONPATH": str(PROJECT / "plugins"),
             "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"
