"""`concord backfill` over Airflow's connections, as a person at a terminal runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.publication.verify import verify
from concord.settings import PROJECT, Settings
from simulator.connections import airflow_connections
from tests.support.police_nights import FEED, Police, nth
from tests.support.small_county import County as Served
from tests.support.small_county import Running

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.airflow,
    pytest.mark.xdist_group("airflow"),
]


def test_past_nights_are_filled_and_published_once(
    county: Served, start: Callable[..., Running], tmp_path: Path
) -> None:
    police = Police(county, load_registry(Settings()).contract(FEED))
    for number in (0, 2):
        police.deliver(nth(number), range(number * 10, number * 10 + 20))
    county.clock(nth(2))
    home = tmp_path / "home"
    environment = {
        **os.environ,
        **airflow_connections(start().servers.state),
        "PYTHONPATH": os.pathsep.join((str(PROJECT / "plugins"), str(PROJECT))),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "CONCORD_HOME": str(home),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-m", "concord", "backfill", FEED,
         "--from", str(nth(0)), "--to", str(nth(2))],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip

    release = home / "releases" / "research" / "r000001"
    first, late, third, published = done.stdout.splitlines()
    assert first == f"{nth(0)} {FEED}: checked", done.stdout + done.stderr
    assert late.startswith(f"{nth(1)} {FEED}: NOT_DELIVERED · nothing is offered")
    assert third == f"{nth(2)} {FEED}: checked"
    assert published == f"published: {release}"
    assert done.returncode == 1, "a night was late, and the exit status says so"
    assert verify(release).ok
