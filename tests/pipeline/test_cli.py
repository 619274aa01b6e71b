"""The command line: it teaches, it tells the truth, its exit status says so."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from concord.cli import app
from concord.demo.story import NIGHTS
from tests.support.feeds import FEEDS

COMMANDS = (
    "backfill",
    "demo",
    "doctor",
    "feeds",
    "refresh",
    "report",
    "scan",
    "status",
    "verify",
)
pytestmark = pytest.mark.xdist_group("nights")
runner = CliRunner()


@pytest.fixture
def home(nights, wide: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONCORD_HOME", str(nights.home))
    return nights.home


def test_these_commands_and_no_others() -> None:
    names = {c.name or c.callback.__name__ for c in app.registered_commands}
    assert names == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches(command: str) -> None:
    answer = runner.invoke(app, [command, "--help"])
    assert answer.exit_code == 0
    assert "Usage" in answer.output


def test_feeds_lists_every_contract(home: Path) -> None:
    answer = runner.invoke(app, ["feeds"])
    assert answer.exit_code == 0
    for feed in FEEDS:
        assert feed in answer.output


def test_status_reconciles(home: Path) -> None:
    answer = runner.invoke(app, ["status"])
    assert answer.exit_code == 0, answer.output
    assert "Every count reconciles" in answer.output
    assert "NOT_DELIVERED" in answer.output


def test_verify_passes_and_fails_after_one_byte(home: Path, tmp_path: Path) -> None:
    assert runner.invoke(app, ["verify"]).exit_code == 0
    copied = tmp_path / "research"
    shutil.copytree(home / "releases" / "research", copied, symlinks=True)
    table = copied / "CURRENT" / "person" / "part-00000.parquet"
    data = bytearray(table.read_bytes())
    data[-20] ^= 1
    table.chmod(0o640)
    table.write_bytes(data)
    answer = runner.invoke(app, ["verify", str((copied / "CURRENT").resolve())])
    assert answer.exit_code == 1
    assert "person/part-00000.parquet" in answer.output


def test_report_is_written_again_and_an_unknown_night_is_refused(home: Path) -> None:
    answer = runner.invoke(app, ["report", "--night", "2026-01-06"])
    assert answer.exit_code == 0, answer.output
    answer = runner.invoke(app, ["report", "--night", "2031-01-01"])
    assert answer.exit_code == 1
    assert "There are: 2026-01-05" in answer.output


def test_doctor_finds_a_zone_that_is_open(home: Path) -> None:
    assert runner.invoke(app, ["doctor"]).exit_code == 0
    (home / "vault").chmod(0o755)
    try:
        answer = runner.invoke(app, ["doctor"])
    finally:
        (home / "vault").chmod(0o700)
    assert answer.exit_code == 1
    assert "chmod 0700" in answer.output


def test_nothing_there_is_said_in_one_line(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "empty"))
    answer = runner.invoke(app, ["verify"])
    assert answer.exit_code == 1
    assert "Traceback" not in answer.output


def test_refresh_approves_or_says_why_not(home: Path) -> None:
    options = ["--reason", "restored from a backup", "--by", "engineer on call"]
    answer = runner.invoke(app, ["refresh", "police_rms", *options])
    assert answer.exit_code == 1
    assert "cannot be asked for everything" in answer.output
    assert runner.invoke(app, ["refresh", "school"]).exit_code == 2


def test_an_approved_refresh_is_told(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_HOME", str(tmp_path / "new"))
    options = ["--reason", "restored from a backup", "--by", "engineer on call"]
    answer = runner.invoke(app, ["refresh", "school", *options])
    assert answer.exit_code == 0
    assert "the next delivery of school is read whole" in answer.output


def test_the_scan_is_clean_and_sees_every_planted_record(
    home: Path, nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AIRFLOW_HOME", "TMPDIR"):
        monkeypatch.delenv(variable, raising=False)
    canaries = nights.root / "truth" / NIGHTS[-1].isoformat() / "canaries.json"
    answer = runner.invoke(app, ["scan", "--planted", str(canaries)])
    assert answer.exit_code == 0, answer.output
    assert "19 of 19 planted records" in answer.output
    assert "✓ 0 findings" in answer.output


def test_a_file_with_somebody_in_it_is_told_by_exit_status(
    home: Path, nights, tmp_path: Path
) -> None:
    leak = str(nights.canaries()[0]["tokens"][3])
    (tmp_path / "export.csv").write_text(f"n,phone\n1,{leak}\n")
    answer = runner.invoke(app, ["scan", str(tmp_path)])
    assert answer.exit_code == 1
    assert "export.csv: byte" in answer.output
    assert leak not in answer.output


def test_a_scan_that_cannot_begin_says_why(home: Path, tmp_path: Path) -> None:
    answer = runner.invoke(app, ["scan", str(tmp_path / "nowhere")])
    assert answer.exit_code == 1
    assert "is not there" in answer.output
    (tmp_path / "broken.json").write_text("{}")
    answer = runner.invoke(app, ["scan", "--planted", str(tmp_path / "broken.json")])
    assert answer.exit_code == 1
    assert "no list of planted records" in answer.output
