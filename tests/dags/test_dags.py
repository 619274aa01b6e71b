"""The DAGs: exactly these, thin, and each task answers for its failures."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from datetime import date

import pytest

from concord.contracts.registry import load_registry
from concord.settings import PROJECT, Settings

REGISTRY = load_registry(Settings())
FEEDS = sorted(REGISTRY.contracts)
EXPECTED = {
    **{f"ingest_{feed}": {"land", "check"} for feed in FEEDS},
    "link_persons": {"link"},
    **{
        f"publish_{name}": {"prepare_keymap", "release"}
        for name, profile in REGISTRY.profiles.items()
        if profile.nightly and not profile.reviewers  # else: test_approval.py
    },
    "report_quality": {"report"},
    "scan_artefacts": {"scan"},
    "watch_deliveries": {*(f"watch_{feed}" for feed in FEEDS), "deadline"},
}
HEAVY = ("pandas", "duckdb", "great_expectations", "splink", "pyarrow", "requests")
pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


def test_exactly_these_dags(dagbag) -> None:
    assert dagbag.import_errors == {}
    assert {d: set(dag.task_ids) for d, dag in dagbag.dags.items()} == EXPECTED


def test_each_feed_is_looked_at_every_night_at_its_contracts_time(dagbag) -> None:
    for feed, contract in REGISTRY.contracts.items():
        timetable = dagbag.dags[f"ingest_{feed}"].timetable
        minute, hour, *_ = contract.delivery.cron.split()
        assert type(timetable).__name__ == "CronPartitionTimetable"
        assert timetable.expression == f"{minute} {hour} * * *"


def test_every_task_retries_and_reports_its_failure(dagbag) -> None:
    assert dagbag.dags
    for dag in dagbag.dags.values():
        for task in dag.tasks:
            assert task.retries >= 1, task.task_id
            assert task.on_failure_callback, task.task_id


def test_every_dag_says_what_it_is_and_runs_one_night_at_a_time(dagbag) -> None:
    for dag in dagbag.dags.values():
        assert "concord" in dag.tags
        assert dag.doc_md
        assert dag.max_active_runs == 1
        assert dag.catchup is False


def test_feeds_meet_in_linkage_by_night(dagbag) -> None:
    linkage = dagbag.dags["link_persons"]
    assert type(linkage.timetable).__name__ == "PartitionedAssetTimetable"
    needed = {a.name for a in linkage.timetable.asset_condition.objects}
    assert needed == {f"checked/{feed}" for feed in FEEDS}


def test_watchdog_speaks_for_every_feed(dagbag) -> None:
    watch = dagbag.dags["watch_deliveries"]
    spoken = {outlet.name for t in watch.tasks for outlet in t.outlets if t.outlets}
    assert {f"checked/{feed}" for feed in FEEDS} < spoken
    assert "deadline" in spoken


def test_each_step_has_a_queue_to_itself_where_a_site_wants_it(monkeypatch) -> None:
    from concord.orchestration.county import on_queue
    from concord.steps import Step

    assert on_queue(Step.LAND) == {}
    monkeypatch.setenv("CONCORD_STEP_QUEUES", "true")
    assert on_queue(Step.LAND) == {"queue": "concord-land"}
    assert on_queue(Step.ASSEMBLE, Step.GATE) == {"queue": "concord-assemble-gate"}


def test_artefacts_are_scanned_when_the_night_is_over(dagbag) -> None:
    def minute(dag: str) -> int:
        minutes, hours, *_ = dagbag.dags[dag].timetable.expression.split()
        return int(hours) * 60 + int(minutes)

    assert minute("scan_artefacts") == minute("watch_deliveries") + 240


def test_dags_survive_serialisation(dagbag) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dagbag.dags.values():
        assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == dag.dag_id


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "dags").glob("*.py")), ids=lambda p: p.name
)
def test_dag_file_is_short(path) -> None:
    assert len(path.read_text().splitlines()) <= 80


def test_a_profile_that_is_not_nightly_has_no_dag_until_somebody_says_so(
    dagbag, tmp_path
) -> None:
    assert load_registry(Settings()).profile("public").nightly is False
    assert "publish_public" not in dagbag.dags
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "include", project / "include")
    (project / "expectations").symlink_to(PROJECT / "expectations")
    public = project / "include" / "releases" / "public.yaml"
    public.write_text(public.read_text().replace("nightly: false", "nightly: true"))
    code = "from concord.orchestration import county; print(*county.profiles())"
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "CONCORD_PROJECT": str(project),
        "PYTHONPATH": str(PROJECT / "plugins"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["public", "research"]


def test_a_night_on_which_nothing_is_due_is_skipped_and_not_failed(
    dagbag, monkeypatch
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from concord.exceptions import NothingDue
    from concord.orchestration import tasks

    def nothing(*_: object) -> None:
        raise NothingDue("the quarter of 2026-01-01 is counted from 2026-04-15 on")

    for name in ("prepare_keymap", "publish"):
        monkeypatch.setattr(tasks.pipeline, name, nothing)
    monkeypatch.setattr(tasks.pipeline, "open_county", nullcontext)
    with pytest.raises(AirflowSkipException, match="2026-04-15"):
        tasks.prepare_keymap("public", date(2026, 1, 5))
    with pytest.raises(AirflowSkipException, match="2026-04-15"):
        tasks.publish("public", date(2026, 1, 5), "a run")


def test_parsing_imports_nothing_heavy(tmp_path) -> None:
    """In a fresh process: parse every DAG file, then look at what was imported."""
    code = (
        "import json, runpy, sys, pathlib, airflow.sdk\n"
        "before = set(sys.modules)\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.py')):\n"
        "    runpy.run_path(str(path))\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROJECT / "dags")],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout.strip().splitlines()[-1])
    assert "concord.orchestration.county" in loaded
    assert not [m for m in loaded if m.split(".")[0] in HEAVY]
