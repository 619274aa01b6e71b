"""Parsing on its own: bytes to typed tables, beside DuckDB's readers of equal types.

    python benchmarks/parsing.py --gigabytes 1

Prints MB/s, the ratio within this run and each process's peak memory, for a delimited
file, one document a line, and JSON pages. The typed table lies in DuckDB's memory:
`--memory-limit 1GB` shows what a size needs; beyond the limit reading stops.
"""

import argparse
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

from rich.console import Console  # noqa: E402
from rich.table import Table as Printed  # noqa: E402

from benchmarks.measuring import Figures  # noqa: E402
from concord.contracts.models import Column, Contract, Table  # noqa: E402
from concord.contracts.registry import load_registry  # noqa: E402
from concord.duck import connect, count  # noqa: E402
from concord.parsing.casting import SQL_TYPES  # noqa: E402
from concord.parsing.loading import load  # noqa: E402
from concord.settings import Settings  # noqa: E402

BLOCK, PAGE = 16 << 20, 16 << 20
TARGET = 0.6
WAYS = ("duckdb", "concord")


@dataclass(frozen=True)
class Case:
    """One kind of file: a real contract's table."""

    name: str
    feed: str
    table: str

    def of(self) -> tuple[Contract, Table]:
        """Return the contract and the table."""
        contract = load_registry(Settings()).contracts[self.feed]
        return contract, contract.table(self.table)


CASES = {
    case.name: case
    for case in (
        Case("csv", "police_rms", "incident"),
        Case("ndjson", "hospital", "encounter"),
        Case("json pages", "probation", "violation"),
    )
}


def main() -> None:
    """Make the files, run both ways over them, and print the figures."""
    options = _options()
    if options.work:
        _work(*options.work)
        return
    root = options.root or Path(gettempdir()) / f"concord-parsing-{options.gigabytes}"
    console = Console(width=max(100, Console().width))
    printed = Printed("files", "MB", "way", "MB/s", "CPU MB/s", "peak GB", "rows")
    ratios: dict[str, dict[str, float]] = {}
    for case in (CASES[name] for name in options.cases):
        folder = root / case.name.replace(" ", "_")
        size = _prepare(case, folder, int(options.gigabytes * 1e9))
        took = {}
        for way in WAYS:
            took[way] = figures = _run(case.name, way, folder, options.memory_limit)
            megabytes = size / 1e6
            printed.add_row(
                case.name,
                f"{megabytes:,.0f}",
                way,
                f"{megabytes / figures.total('wall'):,.0f}",
                f"{megabytes / figures.total('cpu'):,.0f}",
                f"{figures.peak_gb:.2f}",
                f"{figures.rows['rows']:,}",
            )
        ratios[case.name] = {
            clock: took["duckdb"].total(clock) / took["concord"].total(clock)
            for clock in ("wall", "cpu")
        }
    console.print(printed)
    for name, ratio in ratios.items():
        console.print(
            f"{name}: {ratio['wall']:.2f} of bare DuckDB by the clock, "
            f"{ratio['cpu']:.2f} by processor time; wanted {TARGET}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--memory-limit", default=Settings().memory_limit)
    parser.add_argument("--root", type=Path, help="scratch folder, kept")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(case: str, way: str, folder: Path, memory: str) -> Figures:
    command = [sys.executable, __file__, "--work", case, way, str(folder), memory]
    subprocess.run(command, check=True, cwd=PROJECT)
    return Figures.read(folder.parent / f"{folder.name}-{way}.json")


def _work(name: str, way: str, folder: str, memory: str) -> None:
    """Read the files one way, in a process of its own."""
    contract, table = CASES[name].of()
    files = sorted(Path(folder).iterdir())
    figures = Figures(way)
    settings = Settings(memory_limit=memory)
    with (
        TemporaryDirectory(dir=Path(folder).parent) as workspace,
        connect(settings, Path(workspace), timezone=contract.timezone) as con,
    ):
        with figures.stage(way):
            if way == "concord":
                load(con, contract, table, files)
            else:
                query = bare(contract, table, [str(path) for path in files])
                con.execute(f"CREATE TEMP TABLE typed_{table.name} AS {query}")
        figures.rows["rows"] = count(con, f"typed_{table.name}")
    figures.save(Path(f"{folder}-{way}.json"))


def bare(contract: Contract, table: Table, files: list[str]) -> str:
    """Return what reads the files with the same types and nothing else."""
    if contract.delivery.format == "csv":
        kinds = {c.source: SQL_TYPES[c.type] for c in table.columns}
        return f"FROM read_csv({files}, header = true, columns = {kinds})"
    shape: dict[str, Any] = {}
    for column in table.columns:
        _put(shape, column.source, _read_as(column))
    picked = ", ".join(
        f'row.{c.source.replace("[0]", "[1]")}::{SQL_TYPES[c.type]} AS "{c.name}"'
        for c in table.columns
    )
    options = f"maximum_object_size = {PAGE * 2}"
    if contract.delivery.format == "ndjson":
        columns = ", ".join(f"\"{key}\": '{_kind(v)}'" for key, v in shape.items())
        fields = ", ".join(f'"{key}" := "{key}"' for key in shape)
        return (
            f"SELECT {picked} FROM (SELECT struct_pack({fields}) AS row FROM "
            f"read_ndjson({files}, columns = {{{columns}}}, {options}))"
        )
    return (
        f"SELECT {picked} FROM (SELECT unnest(data) AS row FROM read_json({files}, "
        f"columns = {{data: '{_kind(shape)}[]'}}, {options}))"
    )


def _read_as(column: Column) -> str:
    """Return the type in which a value is written: with an offset, it is a moment."""
    if column.type == "timestamp" and column.formats == ("ISO8601",):
        return "TIMESTAMPTZ"
    return SQL_TYPES[column.type]


def _put(into: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path; of a list there is the first element."""
    *parents, last = path.replace("[0]", ".[]").split(".")
    for key in parents:
        into = into.setdefault(key, {})
    into[last] = value


def _kind(shape: Any) -> str:
    """Write a shape as DuckDB's type."""
    if isinstance(shape, str):
        return shape
    if "[]" in shape:
        return f"{_kind(shape['[]'])}[]"
    fields = ", ".join(f'"{key}" {_kind(value)}' for key, value in shape.items())
    return f"STRUCT({fields})"


def _prepare(case: Case, folder: Path, size: int) -> int:
    """Write files of about a size, unless they are there; returns their bytes."""
    contract, table = case.of()
    if not folder.is_dir():
        folder.mkdir(parents=True)
        {"csv": _csv, "ndjson": _ndjson, "json": _pages}[contract.delivery.format](
            table, folder, size
        )
    return sum(path.stat().st_size for path in folder.iterdir())


def _csv(table: Table, folder: Path, size: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    number = 0
    while text.tell() < BLOCK:
        writer.writerow([_text(column, number) for column in table.columns])
        number += 1
    block = text.getvalue().encode()
    with (folder / "1.csv").open("wb") as file:
        file.write(",".join(c.source for c in table.columns).encode() + b"\n")
        for _ in range(size // len(block)):
            file.write(block)


def _documents(table: Table) -> list[str]:
    documents: list[str] = []
    length = 0
    while length < BLOCK:
        document: dict[str, Any] = {"resourceType": table.source}
        for column in table.columns:
            _put(document, column.source, _text(column, len(documents)))
        document["text"] = {"div": "<div>what nobody asked for</div>"}
        documents.append(json.dumps(_listed(document)))
        length += len(documents[-1])
    return documents


def _listed(shape: Any) -> Any:
    if not isinstance(shape, dict):
        return shape
    if "[]" in shape:
        return [_listed(shape["[]"])]
    return {key: _listed(value) for key, value in shape.items()}


def _ndjson(table: Table, folder: Path, size: int) -> None:
    block = "".join(f"{line}\n" for line in _documents(table)).encode()
    with (folder / "1.ndjson").open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)


def _pages(table: Table, folder: Path, size: int) -> None:
    page = ('{"data": [' + ", ".join(_documents(table)) + "]}").encode()
    for number in range(size // len(page)):
        (folder / f"{number:06d}.json").write_bytes(page)


def _text(column: Column, number: int) -> str:
    """Make up a text of a column's type; every hundredth has commas and quotes."""
    offset = "-05:00" if column.formats == ("ISO8601",) else ""
    day = column.model_copy(update={"type": "date"})
    made: dict[str, Callable[[], str]] = {
        "date": lambda: f"2025-0{number % 9 + 1}-1{number % 10}",
        "timestamp": lambda: f"{_text(day, number)}T12:36:00{offset}",
        "integer": lambda: str(number),
        "number": lambda: f"{number}.25",
        "boolean": lambda: "true",
    }
    if column.type in made:
        return made[column.type]()
    if number % 100 == 0 and not column.strip_prefix:
        return f'a "longer" text, number {number}'
    return f"{''.join(column.strip_prefix[:1])}{column.name[:6]}{number % 9973:08d}"


if __name__ == "__main__":
    main()
