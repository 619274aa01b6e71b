"""What is measured of a contender: wall and CPU seconds a stage, peak memory."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Stage:
    """One stage of a night: seconds on the clock, and of processor time."""

    name: str
    wall: float
    cpu: float


@dataclass
class Figures:
    """Everything that one contender's process measured."""

    contender: str
    stages: list[Stage] = field(default_factory=list)
    peak_gb: float = 0.0
    worker_peak_gb: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure one stage."""
        wall, cpu = perf_counter(), cpu_seconds()
        yield
        self.stages.append(Stage(name, perf_counter() - wall, cpu_seconds() - cpu))

    def total(self, measure: str, without: tuple[str, ...] = ()) -> float:
        """Add up one measure of the stages, but for those whose names begin so."""
        return sum(
            getattr(stage, measure)
            for stage in self.stages
            if not stage.name.startswith(without or ("\0",))
        )

    def save(self, path: Path) -> None:
        """Write the figures, with the peak memory, for the one who asked.

        Where workers ran side by side, the peak is an upper bound: that of this
        process and, for each processor, that of the largest worker.
        """
        self.peak_gb = own_peak_gb() + self.worker_peak_gb * (os.cpu_count() or 1)
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Figures":
        """Read what a contender's process wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**(found | {"stages": [Stage(**s) for s in found["stages"]]}))


def run_apart(module: str, *arguments: str | Path, result: Path) -> Figures:
    """Run a module in a process of its own and read the figures that it writes."""
    path = os.pathsep.join([str(PROJECT), str(PROJECT / "plugins")])
    subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments), str(result)],
        check=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": path},
    )
    return Figures.read(result)


def cpu_seconds() -> float:
    """Return the processor time of this process and its children so far."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
    )


def own_peak_gb() -> float:
    """Return the peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
