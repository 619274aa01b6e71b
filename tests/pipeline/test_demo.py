"""The demo as a newcomer runs it: a real scheduler, three nights, all stopped."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest

from concord.demo.story import DAGS, FEEDS, LATE, MALFORMED, NIGHTS
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import scan_tree
from concord.publication.verify import verify
from concord.settings import PROJECT

pytestmark = [pytest.mark.nights, pytest.mark.airflow]
TIMEOUT = 900


@dataclass(frozen=True)
class Demo:
    """What one run of the demo left behind."""

    home: Path
    status: int
    output: str
    left_running: list[str]

    @property
    def airflow(self) -> Path:
        return self.home / "airflow"


def start(home: Path) -> subprocess.Popen[str]:
    """Start the demo as a command of its own session."""
    environment = {
        **os.environ,
        "CONCORD_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "plugins"), str(PROJECT)]),
        "COLUMNS": "200",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "concord", "demo"],
        env=environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def using(home: Path) -> list[str]:
    """Return the processes that still work for a data root."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CONCORD_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo") / "home"
    process = start(home)
    output, _ = process.communicate(timeout=TIMEOUT)
    return Demo(home, process.returncode, output, using(home))


def test_it_succeeds_and_says_what_happened(demo: Demo) -> None:
    assert demo.status == 0, demo.output
    for feed in FEEDS:
        assert feed in demo.output
    assert "Release research" in demo.output
    assert "NOT_DELIVERED" in demo.output
    assert "COLUMN_MISSING" in demo.output
    assert "Every count reconciles" in demo.output


def test_it_ends_with_a_clean_scan_that_sees_everybody(demo: Demo) -> None:
    output = re.sub(r"\x1b\[[0-9;]*m", "", demo.output)
    assert "19 of 19 planted records" in output
    assert re.search(r"in the opened vault: ([\d,]+) of \1 identifiers seen", output)
    assert re.search(r"✓ 0 findings for [\d,]+ written forms", output)
    for kind in ("metadata database", "logs", "report site", "release: documents"):
        assert kind in output


def test_nothing_is_left_running(demo: Demo) -> None:
    assert demo.left_running == []


def test_every_dag_run_ended_as_the_story_says(demo: Demo) -> None:
    """Read from Airflow's metadata database: success, but for what the story holds."""
    with sqlite3.connect(demo.airflow / "airflow.db") as database:
        runs = database.execute(
            "SELECT dag_id, partition_key, state FROM dag_run"
        ).fetchall()
    assert {dag for dag, _, _ in runs} == set(DAGS)
    troubled = NIGHTS[1].isoformat()
    failed = {(dag, night) for dag, night, state in runs if state != "success"}
    assert failed == {(f"ingest_{LATE}", troubled), (f"ingest_{MALFORMED}", troubled)}
    a_night = Counter(night for dag, night, _ in runs if dag.startswith("ingest_"))
    assert a_night == {night.isoformat(): len(FEEDS) for night in NIGHTS}
    linked = Counter(night for dag, night, _ in runs if dag == "link_persons")
    assert linked == {night.isoformat(): 1 for night in NIGHTS}


def test_no_canary_anywhere_but_in_the_restricted_zones(demo: Demo) -> None:
    path = demo.home / "county" / "truth" / NIGHTS[-1].isoformat() / "canaries.json"
    tokens = [t for c in json.loads(path.read_text()) for t in c["tokens"]]
    dictionary = Dictionary.from_vault([], tokens=tokens)
    roots = [
        demo.home / "releases",
        demo.home / "reports",
        demo.home / "ledger.db",
        demo.airflow,
    ]
    assert all(root.exists() for root in roots)
    assert scan_tree(roots, dictionary) == ()
    (demo.home / "output.txt").write_text(demo.output)
    assert scan_tree([demo.home / "output.txt"], dictionary) == ()
    # The same scan sees them where they may be: in what the agencies served.
    assert scan_tree([demo.home / "county" / "served" / "police_rms"], dictionary)


def test_a_leak_planted_in_a_task_log_turns_the_scan_red(demo: Demo) -> None:
    path = demo.home / "county" / "truth" / NIGHTS[-1].isoformat() / "canaries.json"
    canary = json.loads(path.read_text())[0]
    log = next(demo.airflow.rglob("attempt=1.log"))
    before = log.read_bytes()
    log.write_bytes(before + json.dumps({"event": canary["tokens"][0]}).encode())
    try:
        dictionary = Dictionary.from_vault([], tokens=canary["tokens"])
        assert scan_tree([demo.airflow / "logs"], dictionary)
    finally:
        log.write_bytes(before)


def test_the_release_opens_with_one_line_each(demo: Demo) -> None:
    release = demo.home / "releases" / "research" / "CURRENT"
    in_duckdb = duckdb.sql(f"FROM '{release}/incident/*.parquet'").fetchall()
    in_pandas = pd.read_parquet(release / "incident")
    in_pyarrow = pq.read_table(release / "incident")
    assert len(in_duckdb) == len(in_pandas) == in_pyarrow.num_rows > 0
    assert verify(release.resolve()).ok


def test_the_report_asks_nothing_of_the_outside(demo: Demo) -> None:
    pages = list((demo.home / "reports").rglob("*.html"))
    assert len(pages) >= len(NIGHTS)
    for page in pages:
        text = page.read_text()
        assert "<html" in text
        assert not [w for w in ("<script", 'src="http', "@import") if w in text]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_everything_when_it_is_stopped(tmp_path: Path, number: int) -> None:
    home = tmp_path / "home"
    process = start(home)
    try:
        deadline = time.monotonic() + TIMEOUT
        while not (home / "airflow" / "dag-processor.log").exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, output
    assert using(home) == []


def test_a_data_root_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("precious")
    process = start(tmp_path)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "not a demo's" in output
    assert (tmp_path / "ledger.db").read_text() == "precious"
