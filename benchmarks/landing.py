"""Landing: how fast bytes are hashed and encrypted on their way in.

    python benchmarks/landing.py [--megabytes 512] [--rounds 5] [--folder DIR]

One file is landed as a delivery (hash, encryption, receipt, ledger, flush to disk) in
turn with two reference runs over the same file: a plain copy that is flushed too, and
SHA-256 alone. Prints MB/s on the clock and per processor second, and ratios within each
round. On a shared machine the clock says little: compare the ratios.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path[:0] = [str(Path(__file__).parents[1] / p) for p in (".", "plugins")]

# ruff: noqa: E402 - started as a file, so the paths come first
from concord import pipeline
from concord.landing.archive import CHUNK, Archive
from concord.settings import Settings
from concord.transport.base import Drop, Fetched, Part, Sink
from concord.zones import sync

FEED, NIGHT = "probation", date(2026, 1, 5)
MB = 1_000_000
TARGET = 200


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock and of processor time."""

    clock: float
    processor: float


@dataclass(frozen=True)
class OneFile:
    """A transport that hands over one local file."""

    path: Path

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the file for the night."""
        return (Drop(night, "a file", cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Stream the file to the sink."""
        with self.path.open("rb") as file:
            stored = sink.store(Part("persons/1.json", "persons", "rows"), file)
        return Fetched((stored,), {"persons": 0}, str(drop.night), drop.source)


def land(source: Path, folder: Path) -> Spent:
    """Return the seconds that it takes to land the file in a new data root."""
    with pipeline.open_county(Settings(home=folder)) as county:
        contract = county.registry.contract(FEED)
        agreement = county.registry.agreement_of(contract)
        county.keys.recipient()
        archive = Archive(county.zones, county.keys, county.ledger)
        drop = Drop(NIGHT, "a file", "")
        return _seconds(
            lambda: archive.land(
                contract, agreement, OneFile(source), drop, landed_on=NIGHT
            )
        )


def copy(source: Path, folder: Path) -> Spent:
    """Return the seconds that it takes to copy the file, flushed to the disk."""
    folder.mkdir()

    def work() -> None:
        with source.open("rb") as read, (folder / "copy").open("wb") as write:
            shutil.copyfileobj(read, write, CHUNK)  # through memory, as landing does
        sync(folder / "copy")

    return _seconds(work)


def sha256(source: Path, _: Path) -> Spent:
    """Return the seconds that it takes to hash the file and do nothing else."""

    def work() -> None:
        with source.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    return _seconds(work)


def _seconds(work: Callable[[], object]) -> Spent:
    clock, processor = perf_counter(), process_time()
    work()
    return Spent(perf_counter() - clock, process_time() - processor)


RUNS = {"land": land, "copy": copy, "sha256": sha256}


def measure(size: int, rounds: int, folder: Path) -> dict[str, list[Spent]]:
    """Run everything in turn, so that each round has the same weather."""
    source = folder / "source"
    with source.open("wb") as file:
        for _ in range(0, size, MB):
            file.write(os.urandom(MB))
    seconds: dict[str, list[Spent]] = {name: [] for name in RUNS}
    for _ in range(rounds):
        for name, run in RUNS.items():
            target = folder / name
            seconds[name].append(run(source, target))
            shutil.rmtree(target, ignore_errors=True)
    return seconds


def main() -> int:
    """Print MB/s and ratios; exit status 1 means that landing was below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        seconds = measure(wanted.megabytes * MB, wanted.rounds, Path(folder))
    sys.stdout.write("        MB/s on the clock, per processor second\n")
    for name, taken in seconds.items():
        clock = wanted.megabytes / median(spent.clock for spent in taken)
        processor = wanted.megabytes / median(spent.processor for spent in taken)
        sys.stdout.write(f"{name:8}{clock:17.0f}{processor:22.0f}\n")
    for name in ("copy", "sha256"):
        pairs = list(zip(seconds["land"], seconds[name], strict=True))
        clock = median(ours.clock / theirs.clock for ours, theirs in pairs)
        processor = median(ours.processor / theirs.processor for ours, theirs in pairs)
        sys.stdout.write(
            f"land takes {clock:.2f} × {name} on the clock, {processor:.2f} × its "
            "processor time\n"
        )
    fast = wanted.megabytes / median(spent.clock for spent in seconds["land"])
    verdict = "met" if fast >= TARGET else "missed"
    sys.stdout.write(f"target {TARGET} MB/s on the clock: {verdict}\n")
    return 0 if fast >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
