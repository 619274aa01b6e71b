"""Linkage at scale: Concord in full and by the night's changes, beside two other ways.

    python benchmarks/linkage.py --persons 225000

Splink used plainly (its tutorial's settings, trained on the spot) and the rule of the
same name and birth date link the same records. Prints F1, seconds and peak memory, and
the ratio of an increment of one in a hundred to the full run; writes the same as JSON.
On a shared machine the clock says little: compare processor time.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import pyarrow.parquet as pq  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.linkage_contenders import NAMES, RECORDS, TRUTH  # noqa: E402
from benchmarks.measuring import Figures, Stage, run_apart  # noqa: E402
from benchmarks.served import NIGHT  # noqa: E402
from simulator.county import County  # noqa: E402
from tests.support.linkage_data import county  # noqa: E402

MEASURED = ("full", "increment", "train, predict, cluster", "exact name and birth date")


def main() -> None:
    """Make the county, link it every way, print and write the figures."""
    options = _options()
    root = options.root or (
        Path(gettempdir()) / f"concord-linkage-{options.seed}-{options.persons}"
    )
    console = Console(width=max(110, Console().width))
    prepare(root, options.seed, options.persons)
    results = {}
    for name in options.only or NAMES:
        console.print(f"{name} …")
        results[name] = run_apart(
            "benchmarks.linkage_contenders", name, root, result=root / f"{name}.json"
        )
    _print(console, results)
    made = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "persons": options.persons,
        "seed": options.seed,
        "ways": {name: asdict(figures) for name, figures in results.items()},
    }
    output = options.output or root / "linkage.json"
    output.write_text(json.dumps(made, indent=2), encoding="utf-8")
    console.print(f"Written to {output}")
    if not results.get("increment", Figures("")).facts.get("identical", True):
        raise SystemExit("the increment's clusters differ from the full run's")


def prepare(root: Path, seed: int, persons: int) -> None:
    """Write the county's person records and their truth, unless they are there."""
    if (root / RECORDS).exists():
        return
    root.mkdir(parents=True, exist_ok=True)
    County(seed, persons, persons).write_night(root, 0)
    records, truth = county(root, NIGHT.isoformat())
    pq.write_table(truth, root / TRUTH)
    pq.write_table(records, root / RECORDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--persons", type=int, default=225_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--root", type=Path, help="scratch folder, kept")
    parser.add_argument("--output", type=Path, help="JSON file of the figures")
    parser.add_argument("--only", nargs="*", choices=NAMES, help="some ways only")
    return parser.parse_args()


def _print(console: Console, results: dict[str, Figures]) -> None:
    records = max(figures.facts["records"] for figures in results.values())
    table = Table(title=f"{records:,} person records")
    for heading in ("way", "stage", "seconds (CPU)", "precision", "recall", "F1", "GB"):
        table.add_column(heading, justify="right" if heading > "a" else "left")
    for name, figures in results.items():
        facts = figures.facts
        quality = [f"{facts[key]:.4f}" for key in ("precision", "recall", "f1")]
        for stage in figures.stages:
            if stage.name in MEASURED:
                seconds = f"{stage.wall:.1f} ({stage.cpu:.1f})"
                memory = f"{figures.peak_gb:.2f}"
                table.add_row(name, stage.name, seconds, *quality, memory)
    console.print(table)
    for name, figures in results.items():
        for stage in ("full", "increment"):
            if parts := figures.facts.get(stage):
                said = ", ".join(f"{part} {value:.1f}" for part, value in parts.items())
                console.print(f"{name}, {stage}: {said}")
    if "increment" in results:
        _print_ratio(console, results["increment"])


def _print_ratio(console: Console, figures: Figures) -> None:
    """Say what an increment costs beside the full run, reading its scores included."""
    stages: dict[str, Stage] = {stage.name: stage for stage in figures.stages}
    ratios = [
        (getattr(stages["increment"], m) + getattr(stages["read scores"], m))
        / getattr(stages["full"], m)
        for m in ("wall", "cpu")
    ]
    console.print(
        f"increment ÷ full: {ratios[0]:.2f} (CPU {ratios[1]:.2f}), target ≤ 0.45; "
        f"identical clusters: {figures.facts['identical']}; scores written in "
        f"{stages['write scores'].wall:.1f} s"
    )


if __name__ == "__main__":
    main()
