"""The leak scan at scale: a million identifiers over gigabytes of artefacts.

    python benchmarks/scan.py --gigabytes 5 --identifiers 1000000

Writes artefacts as a night leaves them (release tables, logs, rotated logs, pages,
metadata), plants some leaks among them, and scans. Prints seconds beside their target,
the ratio to reading and hashing the same bytes in this run, leaks and false alarms. The
artefacts are removed at the end, unless ``--keep`` is given.
"""

import argparse
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]

import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.measuring import cpu_seconds, own_peak_gb  # noqa: E402
from concord.disclosure.control import control  # noqa: E402
from concord.disclosure.dictionary import Dictionary  # noqa: E402
from concord.disclosure.forms import IDENTIFYING  # noqa: E402
from concord.disclosure.identifiers import Finding, files  # noqa: E402
from concord.disclosure.searching import Artefact, search  # noqa: E402

WORKERS = 2
LEAKS, LEAKED = 200, "leaked.log"
TARGET_SECONDS = 180.0
FILE_BYTES = 100 << 20
SYLLABLES = (
    *("ba", "ke", "lo", "mi", "ran", "tor", "ven", "sha", "del", "ri"),
    *("no", "sta", "wil", "har", "gu", "pe", "cor", "lin", "mar", "et"),
)


@dataclass(frozen=True)
class Kind:
    """A kind of artefact: its share of all bytes, its name, and how one is written."""

    share: float
    suffix: str
    write: Callable[[duckdb.DuckDBPyConnection, Path, int], None]


def persons(con: duckdb.DuckDBPyConnection, identifiers: int) -> pa.Table:
    """Draw person records that hold so many identifiers, all different but names."""
    count = -(-identifiers // len(SHOWN))
    syllable = f"list_extract({list(SYLLABLES)}, 1 + (random() * 19)::INT)"
    first, last = (" || ".join([syllable] * n) for n in (2, 3))
    return con.sql(
        f"SELECT {first} AS first_name, {first} AS middle_name, {last} AS last_name, "
        "printf('%03d-%02d-%04d', 1 + i // 1000 % 898, 1 + i % 99, i * 7919 % 10000) "
        "AS ssn, "
        "printf('(217) %03d-%04d', 200 + i * 31 % 799, i * 104729 % 10000) AS phone, "
        f"{first} || '.' || {last} || i || '@example.org' AS email, "
        "printf('MN%08d', i * 61 % 100000000) AS source_id, "
        "printf('IL%08d', i * 97 % 100000000) AS state_id, "
        f"(1 + i % 9999) || ' ' || {last} || ' Ave' AS street "
        f"FROM range({count}) AS _(i)"
    ).to_arrow_table()


SHOWN = ("last_name", "ssn", "phone", "email", "source_id", "state_id", "street")


def _release(con: duckdb.DuckDBPyConnection, path: Path, size: int) -> None:
    """Write a table as analysts get it: tokens, codes, years, counts."""
    rows = size // 26
    con.execute(
        "COPY (SELECT 'per_' || translate(lower(to_base64(encode(uuid()::VARCHAR)))"
        "[:26], 'ilou+/=', 'abcdabc') AS person_token, "
        "printf('%02d', i % 100) AS age_band, (2000 + i % 26)::INT AS year, "
        "['ASSAULT', 'THEFT', 'DUI', 'FRAUD'][1 + i % 4] AS offense, "
        "(random() * 1e9)::BIGINT AS amount, random() AS score "
        f"FROM range({rows}) AS _(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _log(con: duckdb.DuckDBPyConnection, path: Path, size: int) -> None:
    """Write a task's log: times, counts, hashes, names of our own."""
    rows = size // 277
    con.execute(
        'COPY (SELECT printf(\'{"timestamp": "2026-01-%02dT%02d:%02d:%02d.%06dZ", '
        '"level": "info", "event": "landed %d rows of feed police_rms, %d bytes, '
        '%s", "logger": "concord.pipeline.ingest", "filename": "ingest.py", '
        '"lineno": %d, "phase": "check\\u2026 100%%20"}\', '
        "1 + i % 28, i % 24, i % 60, i % 60, (random() * 999999)::INT, "
        "(random() * 9999999)::INT, (random() * 9999999999)::BIGINT, uuid()::VARCHAR, "
        f"i % 400) FROM range({rows}) AS _(i)) TO '{path}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\x01')"
    )


def _rotated(con: duckdb.DuckDBPyConnection, path: Path, size: int) -> None:
    """Write a log that was rotated: the size is that of what is in it."""
    plain = path.with_suffix(".plain")
    _log(con, plain, size)
    with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    plain.unlink()


def _page(con: duckdb.DuckDBPyConnection, path: Path, size: int) -> None:
    """Write a page of the report: small tables of counts."""
    rows = size // 111
    con.execute(
        'COPY (SELECT printf(\'<tr><td class="number">%d</td><td>Springfield County, '
        "grade %d</td><td>2026-01-%02d</td><td>%.4f</td></tr>', "
        "(random() * 9999999)::INT, i % 12, 1 + i % 28, random()) "
        f"FROM range({rows}) AS _(i)) TO '{path}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\x01')"
    )


def _metadata(con: duckdb.DuckDBPyConnection, path: Path, size: int) -> None:
    """Write a metadata database: XCom, rendered templates, run conf."""
    rows = size // 124
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE xcom (dag_id TEXT, run_id TEXT, value TEXT)")
        found = con.execute(
            "SELECT 'ingest_police_rms', 'scheduled__' || i, printf('{\"state\": "
            '"2026-01-05-%s", "rows": %d}\', uuid()::VARCHAR, '
            f"(random() * 9999999)::INT) FROM range({rows}) AS _(i)"
        )
        while batch := found.fetchmany(50_000):
            database.executemany("INSERT INTO xcom VALUES (?, ?, ?)", batch)
    database.close()


KINDS = (
    Kind(0.40, "parquet", _release),
    Kind(0.35, "log", _log),
    Kind(0.10, "log.1.gz", _rotated),
    Kind(0.10, "html", _page),
    Kind(0.05, "db", _metadata),
)


def prepare(root: Path, size: int, console: Console) -> None:
    """Write the artefacts; what is there already, of the same size, is kept."""
    done = root / "done"
    if done.exists() and done.read_text() == str(size):
        return
    shutil.rmtree(root, ignore_errors=True)
    with duckdb.connect(config={"threads": WORKERS}) as con:
        for kind in KINDS:
            folder = root / "artefacts" / kind.suffix
            folder.mkdir(parents=True)
            count = max(1, round(size * kind.share / FILE_BYTES))
            for number in range(count):
                each = int(size * kind.share / count)
                kind.write(con, folder / f"{number:04}.{kind.suffix}", each)
            console.print(f"written: {count} × {kind.suffix}")
    done.write_text(str(size))


def leak(root: Path, people: pa.Table) -> int:
    """Write some identifiers into a log of their own, as people and programs would."""
    rows = people.slice(0, LEAKS).to_pylist()
    ways = (
        lambda p: f"KeyError: '{p['last_name'].upper()}, {p['first_name']}'",
        lambda p: f"could not cast {p['ssn']} to DATE",
        lambda p: f'{{"phone": "{p["phone"]}"}}',
        lambda p: f"mail to {p['email']} bounced",
        lambda p: f"GET /Patient?id={p['source_id']}&x=%20",
        lambda p: json.dumps({"at": f"\u00e9 {p['street']}"}),
    )
    lines = [ways[number % len(ways)](row) for number, row in enumerate(rows)]
    (root / "artefacts" / LEAKED).write_text("\n".join(lines), "utf-8")
    return len(lines)


def hash_all(paths: Sequence[Path]) -> float:
    """Return the seconds that reading and hashing every byte takes, side by side."""

    def digest(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(digest, paths))
    return time.perf_counter() - began


def plain_bytes(paths: Sequence[Path]) -> int:
    """Return how many bytes there are once gzip is unpacked."""
    return sum(
        int.from_bytes(path.read_bytes()[-4:], "little")
        if path.suffix == ".gz"
        else path.stat().st_size
        for path in paths
    )


def main() -> None:
    """Write, scan, count, print, and remove."""
    options = _options()
    root = options.root or Path(gettempdir()) / "concord-scan"
    console = Console(width=max(100, Console().width))
    prepare(root, int(options.gigabytes * 1e9), console)
    if options.prepare_only:
        return
    try:
        _measure(root, options, console)
    finally:
        if not options.keep:
            shutil.rmtree(root)


def _measure(root: Path, options: argparse.Namespace, console: Console) -> None:
    with duckdb.connect(config={"threads": WORKERS}) as con:
        people = persons(con, options.identifiers)
    planted = leak(root, people)
    base = root / "artefacts"
    paths = list(files(base))
    size = plain_bytes(paths)
    reading = hash_all(paths)
    began, cpu = time.perf_counter(), cpu_seconds()
    dictionary = Dictionary.from_vault([people])
    built = time.perf_counter() - began
    artefacts = [Artefact(path.suffix, path, base) for path in paths]
    looked = search(artefacts, dictionary, workers=WORKERS)
    seconds, used = time.perf_counter() - began, cpu_seconds() - cpu
    findings = [finding for one in looked for finding in one.findings]
    leaked = _lines(base / LEAKED, findings)
    alarms = [f for f in findings if f.artefact != LEAKED]
    seen = control(dictionary, [people.slice(0, 20_000)])
    sought = sum(people.num_rows for name in IDENTIFYING if name in people.column_names)
    result = {
        "identifiers": sought,
        "forms": len(dictionary),
        "plain_bytes": size,
        "bytes": sum(path.stat().st_size for path in paths),
        "build_seconds": built,
        "seconds": seconds,
        "cpu_seconds": used,
        "megabytes_per_second": size / seconds / 1e6,
        "hashing_seconds": reading,
        "ratio_to_hashing": seconds / reading,
        "peak_gb": own_peak_gb(),
        "leaks_planted": planted,
        "leaks_found": len(leaked),
        "false_alarms": len(alarms),
        "control": str(seen),
    }
    _print(console, result)
    for alarm in alarms[:5]:
        console.print(f"false alarm: {alarm}")
    if options.output:
        options.output.write_text(json.dumps(result, indent=2), encoding="utf-8")
    if len(leaked) < planted or not seen.passed:
        raise SystemExit("the scan does not see everything")


def _lines(path: Path, findings: Sequence[Finding]) -> set[int]:
    """Return the lines of a file at which there are findings."""
    text = path.read_bytes()
    offsets = (int(f.locator.split()[1]) for f in findings if f.artefact == path.name)
    return {text.count(b"\n", 0, offset) for offset in offsets}


def _print(console: Console, result: dict[str, float | int | str]) -> None:
    allowed = int(result["plain_bytes"]) / 1e10
    targets = {
        "seconds": f"≤ {TARGET_SECONDS:.0f} for 5 GB and 1 M identifiers",
        "leaks_found": f"{result['leaks_planted']}",
        "false_alarms": f"≤ 1 for 10 GB, here {allowed:.2f}",
        "control": "100 %",
    }
    table = Table(
        title=f"Leak scan, {WORKERS} processes of {os.cpu_count()} processors"
    )
    for heading in ("", "measured", "target"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, value in result.items():
        shown = (
            f"{value:,.2f}"
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else value
        )
        table.add_row(name.replace("_", " "), shown, targets.get(name, ""))
    console.print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    parser.add_argument("--root", type=Path, help="scratch folder")
    parser.add_argument("--output", type=Path, help="JSON file of the figures")
    parser.add_argument("--prepare-only", action="store_true", help="write, don't scan")
    parser.add_argument("--keep", action="store_true", help="leave the artefacts there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
