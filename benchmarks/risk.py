"""Disclosure risk: what it takes to measure a table of persons, beside one GROUP BY.

    python benchmarks/risk.py [--persons 2000000] [--rounds 5]

Each round times, in turn over the same made-up table: a bare ``GROUP BY`` over the
quasi-identifiers with the smallest class, all measures of risk with one sensitive
column, and the ladder that brings persons to k. Prints seconds and the ratios to the
bare query; exit status 1 means that the measures took longer than their target.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import duckdb

sys.path[:0] = [str(Path(__file__).parents[1] / p) for p in (".", "plugins")]

# ruff: noqa: E402 - started as a file, so the paths come first
from concord.contracts.risk import KAnonymity
from concord.disclosure.k_anonymity import protect
from concord.disclosure.measures import measure

QUASI = ("sex", "race", "ethnicity", "birth_decade", "zip3")
RULE = KAnonymity(k=11, quasiIdentifiers=QUASI, maxSuppressedShare=1)
TARGET = 1.0
TARGET_ROWS = 2_000_000


DRAWN = {
    "sex": ("['F', 'M', 'X']", 0.6),
    "race": ("['W', 'B', 'A', 'I', 'P', NULL]", 1.3),
    "ethnicity": ("['N', 'H', NULL]", 0.7),
    "birth_decade": ("[1980, 1990, 1970, 2000, 1960, 1950, 1940, 1930]", 2.0),
    "zip3": ("['627', '626', '620', '000', NULL]", 0.9),
    "supervision": ("['none', 'probation', 'parole', 'both']", 0.9),
}
"""Columns with their values, and how often later values are drawn."""


def persons(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Make a table of persons: few of the rare values, some values missing."""
    drawn = [
        f"({values})[least(len({values}), 1 + floor({spread} * "
        f"-ln((hash(i, '{column}') % 1000000 + 1) / 1000001))::BIGINT)] AS {column}"
        for column, (values, spread) in DRAWN.items()
    ]
    con.execute(
        "CREATE TABLE person AS SELECT 'per_' || lpad(i::VARCHAR, 26, '0') AS "
        f"person_token, {', '.join(drawn)} FROM range({rows}) AS t(i)"
    )


def bare(con: duckdb.DuckDBPyConnection) -> object:
    """Find the smallest class, as anybody would."""
    classes = f"SELECT count(*) AS n FROM person GROUP BY {', '.join(QUASI)}"
    return con.execute(f"SELECT min(n) FROM ({classes})").fetchall()


def measures(con: duckdb.DuckDBPyConnection) -> object:
    """Take every measure of the table."""
    return measure(con, "person", QUASI, 11, sensitive={"supervision": "nominal"})


def ladder(con: duckdb.DuckDBPyConnection) -> object:
    """Bring a copy of the table to k; making the copy counts too."""
    con.execute("CREATE OR REPLACE TABLE hidden AS FROM person")
    return protect(con, "hidden", "person_token", RULE)


RUNS: dict[str, Callable[[duckdb.DuckDBPyConnection], object]] = {
    "GROUP BY": bare,
    "measures": measures,
    "ladder": ladder,
}


def timed(rows: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds on the clock and of processor time for each run of each round."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in RUNS}
    with duckdb.connect() as con:
        persons(con, rows)
        for _ in range(rounds):
            for name, run in RUNS.items():
                clock, processor = perf_counter(), process_time()
                run(con)
                spent = perf_counter() - clock, process_time() - processor
                taken[name].append(spent)
    return taken


def main() -> int:
    """Print seconds and ratios; exit status 1 means that the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=TARGET_ROWS)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    taken = timed(wanted.persons, wanted.rounds)
    base = median(clock for clock, _ in taken["GROUP BY"])
    sys.stdout.write("          seconds  of processor  to GROUP BY\n")
    for name, spent in taken.items():
        clock = median(c for c, _ in spent)
        processor = median(p for _, p in spent)
        sys.stdout.write(f"{name:9}{clock:8.3f}{processor:14.3f}{clock / base:13.2f}\n")
    allowed = TARGET * max(1.0, wanted.persons / TARGET_ROWS)
    return int(median(clock for clock, _ in taken["measures"]) > allowed)


if __name__ == "__main__":
    sys.exit(main())
