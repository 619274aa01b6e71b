"""A night at scale: Concord, a lower bound and the stock way, over the same files.

    python benchmarks/night.py --persons 225000 --events 1000000

Prints seconds on the clock and of processor time, peak memory, and ratios within this
run beside their targets; writes the same as JSON. On a shared machine the clock says
little: compare processor time. Imports are measured but in no ratio.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from tempfile import gettempdir

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.contenders import NAMES  # noqa: E402
from benchmarks.measuring import Figures, run_apart  # noqa: E402
from benchmarks.served import index_path, prepare  # noqa: E402

Results = dict[str, Figures]


@dataclass(frozen=True)
class Ratio:
    """One figure of the run beside its target."""

    what: str
    wall: float
    cpu: float | None
    target: str


def main() -> None:
    """Prepare the county, run every contender, print and write the figures."""
    options = _options()
    root = options.root or (
        Path(gettempdir()) / f"concord-night-{options.persons}-{options.events}"
    )
    console = Console(width=max(100, Console().width))
    console.print(f"County of {options.persons:,} persons in {root} …")
    served = prepare(
        root, persons=options.persons, events=options.events, seed=options.seed
    )
    index = index_path(root, options.seed, options.persons, options.events)
    for file in served.files:  # once, so that no contender alone waits for the disk
        (served.root / file.path).read_bytes()
    names = [n for n in NAMES if not (n == "stock" and options.skip_stock)]
    results: Results = {}
    for name in names:
        runs = []
        for turn in range(options.repeat):
            console.print(f"{name} ({turn + 1} of {options.repeat}) …")
            runs.append(
                run_apart(
                    "benchmarks.contenders", name, index, result=root / f"{name}.json"
                )
            )
        results[name] = sorted(runs, key=lambda run: run.total("cpu"))[len(runs) // 2]
    _check_rows(results)
    ratios = _ratios(results)
    _print(console, results, ratios)
    made = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "persons": options.persons,
        "events": options.events,
        "seed": options.seed,
        "repeats": options.repeat,
        "bytes": served.bytes,
        "rows": sum(file.rows for file in served.files),
        "contenders": {name: asdict(figures) for name, figures in results.items()},
        "ratios": [asdict(ratio) for ratio in ratios],
    }
    output = options.output or root / "night.json"
    output.write_text(json.dumps(made, indent=2), encoding="utf-8")
    console.print(f"Written to {output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--persons", type=int, default=225_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--root", type=Path, help="scratch folder, kept")
    parser.add_argument("--output", type=Path, help="JSON file of the figures")
    parser.add_argument("--skip-stock", action="store_true")
    parser.add_argument("--repeat", type=int, default=1, help="the median is taken")
    return parser.parse_args()


def _check_rows(results: Results) -> None:
    """Make sure that Concord and the bound did the same work."""
    ours, bound = results["concord"].rows, results["bound"].rows
    if ours != bound:
        different = {n for n in ours | bound if ours.get(n) != bound.get(n)}
        raise SystemExit(f"rows differ in {', '.join(sorted(different))}")


def _ratios(results: Results) -> list[Ratio]:
    ours, bound, parts = (results[name] for name in ("concord", "bound", "parts"))
    aside = ("imports", "link")
    ratios = [
        Ratio(
            "Concord without linkage ÷ bare DuckDB",
            ours.total("wall", aside) / bound.total("wall", aside),
            ours.total("cpu", aside) / bound.total("cpu", aside),
            "≤ 2.5",
        )
    ]
    for name, fact in parts.facts.items():
        if name != "link":
            ratios.append(
                Ratio(
                    f"validation ÷ plain SQL, {name}, {fact['rows']:,} rows",
                    fact["suite_wall"] / fact["sql_wall"],
                    fact["suite_cpu"] / fact["sql_cpu"],
                    "≤ 1.5",
                )
            )
    if "stock" in results:
        stock = results["stock"]
        ratios.append(
            Ratio(
                "stock way ÷ Concord",
                stock.total("wall", ("imports",)) / ours.total("wall", ("imports",)),
                stock.total("cpu", ("imports",)) / ours.total("cpu", ("imports",)),
                "≥ 5",
            )
        )
    linked = parts.facts["link"]
    seconds = linked["seconds"]
    ratios.append(
        Ratio(
            f"predict + cluster, {linked['records']:,} records, s",
            seconds["predict"] + seconds["cluster"],
            None,
            "≤ 10",
        )
    )
    return ratios


def _print(console: Console, results: Results, ratios: list[Ratio]) -> None:
    shown = [results[name] for name in results if name != "parts"]
    table = Table(title="Seconds by stage: clock (processor)")
    for figures in shown:
        table.add_column(figures.contender)
        table.add_column("wall (CPU)", justify="right")
    for row in zip_longest(*(figures.stages for figures in shown)):
        cells = []
        for stage in row:
            cells += (
                [stage.name, f"{stage.wall:.1f} ({stage.cpu:.1f})"]
                if stage
                else ["", ""]
            )
        table.add_row(*cells)
    table.add_section()
    totals, peaks = [], []
    for figures in shown:
        wall, cpu = (figures.total(m, ("imports",)) for m in ("wall", "cpu"))
        totals += ["all but imports", f"{wall:.1f} ({cpu:.1f})"]
        peaks += ["peak memory", f"{figures.peak_gb:.2f} GB"]
    table.add_row(*totals)
    table.add_row(*peaks)
    console.print(table)
    summary = Table(title="Ratios of this run")
    for heading in ("", "clock", "processor", "target"):
        summary.add_column(heading, justify="left" if not heading else "right")
    for ratio in ratios:
        cpu = "" if ratio.cpu is None else f"{ratio.cpu:.2f}"
        summary.add_row(ratio.what, f"{ratio.wall:.2f}", cpu, ratio.target)
    console.print(summary)


if __name__ == "__main__":
    main()
