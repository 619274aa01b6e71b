"""Concord's night without a scheduler: the pipeline's own steps, one by one."""

import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Figures, own_peak_gb
from benchmarks.served import NIGHT, Served, assault_pairs, person_map
from concord import pipeline
from concord.deidentification.assaults import NONE
from concord.pipeline.assaults import AssaultStep
from concord.pipeline.person_store import PERSONS
from concord.sealing import read_table
from concord.settings import Settings
from concord.transport.base import Drop, Fetched, Part, Sink
from concord.validation.feed_check import CheckResult

PROFILE = "research"
WORKERS = os.cpu_count() or 1


@dataclass(frozen=True)
class LocalTransport:
    """Hands files that lie on this machine to the sink, as a real transport would."""

    served: Served
    feed: str

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the one night that there is."""
        return (Drop(night=night, source="this machine", cursor=cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Stream every file into the sink."""
        parts, rows = [], {}
        manifest = Part("manifest/00001.json", "manifest", "manifest")
        parts.append(sink.store(manifest, BytesIO(b"{}")))
        for number, file in enumerate(self.served.of(self.feed), 1):
            path = self.served.root / file.path
            part = Part(f"{file.table}/{number:05d}{path.suffix}", file.table, "rows")
            with path.open("rb") as stream:
                parts.append(sink.store(part, stream))
            rows[file.table] = rows.get(file.table, 0) + file.rows
        return Fetched(tuple(parts), rows, drop.night.isoformat(), drop.source)


def run(served: Served, home: Path, figures: Figures) -> None:
    """Run the night from nothing; leaves what was linked for the lower bound.

    Feeds are ingested side by side, as Airflow runs their DAGs: one process a
    processor, started after the imports, the largest feed first.
    """
    shutil.rmtree(home, ignore_errors=True)
    with pipeline.open_county(Settings(home=home)) as county:
        feeds = sorted(
            served.feeds,
            key=lambda feed: -sum(f.rows for f in served.of(feed)),
        )
        for name in ("vault", "content", "quarantine"):
            county.keys.zone_key(name)
        county.keys.recipient()
        # Forked from a server that has only imported: a process with threads of
        # DuckDB's or Arrow's can hang in its forks.
        context = get_context("forkserver")
        context.set_forkserver_preload(
            ["great_expectations", "splink", "benchmarks.concord_way"]
        )
        with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
            with figures.stage("imports of the workers"):
                list(pool.map(abs, range(WORKERS)))
            with figures.stage("land and check, side by side"):
                done = list(pool.map(ingest, repeat(served), repeat(home), feeds))
        # The workers are no children of this process: they say what they used.
        side_by_side = figures.stages[-1]
        figures.stages[-1] = replace(
            side_by_side,
            cpu=side_by_side.cpu + sum(seconds["cpu"] for _, _, seconds in done),
        )
        figures.worker_peak_gb = max(seconds["peak_gb"] for _, _, seconds in done)
        for feed, result, seconds in done:
            figures.facts[feed] = {
                "received": result.received,
                "published": result.published,
                "quarantined": result.quarantined,
                "rejected": result.rejected,
                "seconds": seconds,
            }
        with figures.stage("link"):
            persons = pipeline.link(county, NIGHT)
        with figures.stage("keymap"):
            pipeline.prepare_keymap(county, PROFILE, NIGHT)
        with figures.stage("publish"):
            release = pipeline.publish(county, PROFILE, NIGHT, "benchmark")
        manifest = json.loads((release.path / "manifest.json").read_bytes())
        figures.rows = {n: t["rows"] for n, t in manifest["tables"].items()}
        pq.write_table(_persons_of_records(county, persons), person_map(home))
        run = county.ledger.linkage_as_of(NIGHT)
        assert run is not None
        pairs = AssaultStep(county).pairs(run)
        pq.write_table(NONE if pairs is None else pairs, assault_pairs(home))


def ingest(
    served: Served, home: Path, feed: str
) -> tuple[str, CheckResult, dict[str, float]]:
    """Land and check one feed in a process of its own; returns seconds a step."""
    began, cpu = perf_counter(), process_time()
    with pipeline.open_county(Settings(home=home, threads=1)) as county:
        pipeline.land(county, feed, NIGHT, lambda _: LocalTransport(served, feed))
        landed = perf_counter()
        result = pipeline.check(county, feed, NIGHT)
    seconds = {
        "land": landed - began,
        "check": perf_counter() - landed,
        "cpu": process_time() - cpu,
        "peak_gb": own_peak_gb(),
    }
    return feed, result, seconds


def _persons_of_records(county: pipeline.County, persons_id: str) -> pa.Table:
    """Return feed, the agency's number of a person, and the person's id."""
    with duckdb.connect() as con:
        con.register("records", person_records(county))
        con.register(
            "assignments",
            read_table(
                county.zones.vault / PERSONS / persons_id / "assignments.parquet",
                county.keys.zone_key("vault"),
            ),
        )
        return con.sql(
            "SELECT records.feed, source_id, person_id FROM records "
            "JOIN assignments USING (record_key) ORDER BY ALL"
        ).to_arrow_table()


def person_records(county: pipeline.County) -> pa.Table:
    """Return every feed's person records as linkage gets them."""
    states = pipeline.states.states_as_of(county, NIGHT)
    return pa.concat_tables(
        pipeline.states.person_records(county, states), promote_options="permissive"
    )
