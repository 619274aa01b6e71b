"""Nothing half-seen: publication killed at any moment leaves one whole release."""

import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from concord.publication.reading import current, history
from concord.publication.verify import verify
from tests.support.releases import publish_night

PROJECT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{PROJECT / 'plugins'}{os.pathsep}{PROJECT}",
    "PYTHONDONTWRITEBYTECODE": "1",  # writing byte code renames files too
}
PUBLISH = (
    "import sys; from pathlib import Path; from tests.support.releases import *; "
    "publish_night(Path(sys.argv[1]), int(sys.argv[2]))"
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


def assert_whole(releases: Path, published_before: int) -> None:
    """Check that readers see one complete release, old or new."""
    path = current(releases, "research")
    assert (path is not None) >= (published_before > 0)
    if path is not None:
        tables = [pq.read_table(path / name) for name in ("person", "incident")]
        assert [table.num_rows for table in tables] == [40, 40]
        number = int(path.name.removeprefix("r"))
        assert number in (published_before, published_before + 1)
    for release in history(releases, "research"):
        problems = verify(release.path).problems
        assert {problem.file for problem in problems} <= {"CURRENT"}


def assert_recovers(releases: Path, night: int, digest: str) -> None:
    """Check that the next run ends where an undisturbed one would have."""
    release = publish_night(releases, night)

    assert (release.number, release.content_digest) == (night, digest)
    assert current(releases, "research") == release.path
    assert len(history(releases, "research")) == night
    assert all(verify(r.path).ok for r in history(releases, "research"))
    names = {path.name for path in (releases / "research").iterdir()}
    assert names == {
        ".lock", "CURRENT", "creation", "manifest.pub",
        *(f"r{number:06}" for number in range(1, night + 1)),
    }  # fmt: skip


@pytest.mark.parametrize("night", [1, 2])
def test_killed_at_every_step(night: int, tmp_path: Path) -> None:
    home, cases = tmp_path / "home", tmp_path / "cases"
    home.mkdir()
    for earlier in range(1, night):
        publish_night(home / "releases", earlier)
    digest = publish_night(tmp_path / "undisturbed" / "releases", night).content_digest

    done = run(
        sys.executable, "-m", "tests.support.killed_publisher",
        str(home), str(cases), str(night),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    *killed, survivor = sorted(cases.iterdir())
    assert len(killed) > 20
    assert verify(survivor / "releases" / "research" / "CURRENT").ok
    seen = set()
    for case in killed:
        releases = case / "releases"
        path = current(releases, "research") if releases.exists() else None
        seen.add(path.name if path else None)
        if releases.exists():
            assert_whole(releases, published_before=night - 1)
        assert_recovers(releases, night, digest)
    before = "r000001" if night == 2 else None
    assert seen == {before, f"r{night:06}"}


def strace(*options: str) -> list[str]:
    return ["strace", "-f", "-qq", "-o", os.devnull, *options]


@pytest.fixture(scope="module")
def _strace_works() -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if run(*strace("-e", "trace=rename"), "true").returncode:
        pytest.skip("strace may not trace processes here")


RENAMES = "rename,renameat,renameat2"


@pytest.mark.usefixtures("_strace_works")
def test_killed_by_the_kernel_at_every_rename(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)
    undisturbed = publish_night(tmp_path / "undisturbed" / "releases", 2)
    killed = 0
    while True:
        inject = f"inject={RENAMES}:signal=KILL:when={killed + 1}"
        trace = strace("-e", f"trace={RENAMES}", "-e", inject)
        done = run(*trace, sys.executable, "-c", PUBLISH, str(releases), "2")
        assert_whole(releases, published_before=1)
        if done.returncode == 0:
            break
        killed += 1
        assert killed < 10, done.stderr

    assert killed >= 1
    assert_recovers(releases, 2, undisturbed.content_digest)


@pytest.mark.usefixtures("_strace_works")
def test_a_disk_that_fails_to_flush_publishes_nothing(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases)
    trace = strace("-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2")

    done = run(*trace, sys.executable, "-c", PUBLISH, str(releases), "2")

    assert done.returncode == 1
    assert "Input/output error" in done.stderr
    assert [release.number for release in history(releases, "research")] == [1]
    assert verify(releases / "research" / "CURRENT").ok
    assert publish_night(releases, 2).number == 2


def test_a_reader_never_sees_two_releases_at_once(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    publish_night(releases, 1, persons=4)
    finished = threading.Event()

    def read() -> set[tuple[int, int]]:
        pairs = set()
        while not finished.is_set():
            path = current(releases, "research")
            assert path is not None
            person, incident = (
                pq.read_metadata(path / name / "part-00000.parquet").num_rows
                for name in ("person", "incident")
            )
            pairs.add((person, incident))
        return pairs

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for number in range(2, 7):
            publish_night(releases, number, persons=4 * number)
        finished.set()

    assert len(reader.result()) > 1
    assert all(person == incident for person, incident in reader.result())
