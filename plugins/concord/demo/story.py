"""The three nights: a clean one, a troubled one, and one that heals.

Night 1: every agency delivers. Night 2: the police are late and probation renamed a
column without notice, so both stand still and last good data are carried forward.
Night 3: the police deliver both nights, probation is right again, and corrections and
deletions come in. The complaint board delivers monthly, so it is on time on all three.

A county may have feeds that no simulated agency serves. The story leaves them out:
every night its deadline passes, and the county goes on without them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from concord.contracts.registry import load_registry
from concord.demo.launcher import Airflow, DagRun, DemoFailed
from concord.settings import Settings
from simulator.connections import CONN_TYPES
from simulator.county import County, release_late
from simulator.servers import set_night

FIRST_NIGHT = date(2026, 1, 5)
NIGHTS = tuple(FIRST_NIGHT + timedelta(days=n) for n in range(3))
LATE, MALFORMED = "police_rms", "probation"
FAULTS = {1: {LATE: "late", MALFORMED: "renamed_column"}}
_REGISTRY = load_registry(Settings())
FEEDS = tuple(sorted(_REGISTRY.contracts.keys() & CONN_TYPES.keys()))
LEFT_OUT = tuple(sorted(_REGISTRY.contracts.keys() - CONN_TYPES.keys()))
"""The county's feeds that no simulated agency serves: they count as late."""
HELD = frozenset({(f"ingest_{LATE}", NIGHTS[1]), (f"ingest_{MALFORMED}", NIGHTS[1])})
PUBLISH = tuple(
    f"publish_{name}"
    for name, profile in sorted(_REGISTRY.profiles.items())
    if profile.nightly and not profile.reviewers  # nobody answers here
)
DOWNSTREAM = ("link_persons", *PUBLISH, "report_quality")
DAGS = frozenset(
    {*(f"ingest_{feed}" for feed in FEEDS), *DOWNSTREAM, "watch_deliveries"}
)
NIGHT_SECONDS = 300
SETTLED = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Expected:
    """A DAG run that the story needs, and how it should end."""

    dag_id: str
    night: date

    @property
    def state(self) -> str:
        """Return the state in which it should end."""
        return "failed" if (self.dag_id, self.night) in HELD else "success"


def write_county(
    root: Path, persons: int, seed: int, step: Callable[[str], None]
) -> None:
    """Write what the agencies will deliver on the three nights."""
    county = County(seed, persons, first_night=FIRST_NIGHT, progress=step)
    for number in range(len(NIGHTS)):
        county.write_night(root, number, FAULTS.get(number))


def expected_runs(number: int) -> list[Expected]:
    """Return the DAG runs of a night."""
    night = NIGHTS[number]
    dags = [*(f"ingest_{feed}" for feed in FEEDS), *DOWNSTREAM]
    if _passes_deadline(number):
        dags.append("watch_deliveries")
    return [Expected(dag_id, night) for dag_id in dags]


def _passes_deadline(number: int) -> bool:
    """Say whether a night lacks a feed, so that only its deadline ends it."""
    return number in FAULTS or bool(LEFT_OUT)


def run_night(
    airflow: Airflow, root: Path, number: int, tell: Callable[[str], None]
) -> None:
    """Play one night: agencies deliver, feeds are ingested, the deadline passes.

    Raises:
        DemoFailed: A run ended otherwise than the story says, or did not end.
    """
    night = NIGHTS[number]
    if number == 2:
        release_late(root, LATE, NIGHTS[1])
    set_night(root, night)
    for feed in FEEDS:
        airflow.trigger(f"ingest_{feed}", night.isoformat())
    ingests = [e for e in expected_runs(number) if e.dag_id.startswith("ingest_")]
    _wait(airflow, ingests, tell)
    if _passes_deadline(number):
        airflow.trigger("watch_deliveries", night.isoformat())
    _wait(airflow, expected_runs(number), tell)


def _wait(
    airflow: Airflow, wanted: list[Expected], tell: Callable[[str], None]
) -> None:
    """Wait until every run has ended, and stop at the first that ended wrongly."""
    deadline = time.monotonic() + NIGHT_SECONDS
    while True:
        airflow.check_alive()
        runs = airflow.runs()
        settled = [e for e in wanted if _settled(e, runs)]
        wrong = [e for e in settled if e.state not in _states(e, runs)]
        if wrong:
            told = ", ".join(f"{e.dag_id} ended {_states(e, runs)}" for e in wrong)
            raise DemoFailed(
                f"{wrong[0].night}: {told}. Read {airflow.home}/logs/dag_id="
                f"{wrong[0].dag_id}"
            )
        waiting = [e.dag_id for e in wanted if e not in settled]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise DemoFailed(f"{wanted[0].night}: {', '.join(waiting)} did not end")
        tell(", ".join(sorted(waiting)))
        time.sleep(0.3)


def _states(expected: Expected, runs: list[DagRun]) -> list[str]:
    night = expected.night.isoformat()
    return [r.state for r in runs if r.dag_id == expected.dag_id and r.night == night]


def _settled(expected: Expected, runs: list[DagRun]) -> bool:
    states = _states(expected, runs)
    return bool(states) and all(state in SETTLED for state in states)
