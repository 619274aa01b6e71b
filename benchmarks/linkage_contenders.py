"""One way of linking in a process of its own, so that its memory is its own.

``python -m benchmarks.linkage_contenders NAME ROOT RESULT`` runs it; ``linkage.py``
calls it.
"""

import sys
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Figures
from benchmarks.served import NIGHT
from concord.linkage.evaluation import evaluate
from concord.linkage.prediction import LinkResult, link
from concord.linkage.scoring import Scored
from concord.linkage.settings import load_model
from concord.linkage.standardise import LINKAGE
from concord.pipeline.rescoring import KeptScores, Rescored
from concord.sealing import SHARE

NAMES = ("concord", "increment", "splink", "exact")
RECORDS, TRUTH = "records.parquet", "truth.parquet"
THREADS = 2
# Of a hundred records: half of them new, a quarter changed, a quarter gone.
CHANGED = 0.01
# Values that stand for nothing; Splink's documentation asks for them to be taken out.
PLACEHOLDERS = {
    "ssn": ("000-00-0000", "999-99-9999"),
    "birth_date": (date(1900, 1, 1),),
}


def run(name: str, root: Path, figures: Figures) -> None:
    """Link the county's records one way; measures seconds, memory and quality."""
    read = pq.read_table(root / RECORDS)
    records = pa.Table.from_batches(read.to_batches(SHARE))  # as the vault hands them
    figures.facts["records"] = records.num_rows
    if name == "concord":
        clusters = _linked(figures, "full", records).clusters
    elif name == "increment":
        clusters = _increment(records, root, figures)
    elif name == "splink":
        clusters = _splink(records, figures)
    else:
        with figures.stage("exact name and birth date"):
            clusters = _exact(records)
    quality = evaluate(clusters, pq.read_table(root / TRUTH))
    figures.facts |= {
        "precision": quality.precision,
        "recall": quality.recall,
        "f1": quality.f1,
    }


def _linked(
    figures: Figures, stage: str, records: pa.Table, kept: Scored | None = None
) -> LinkResult:
    model = load_model(LINKAGE)
    with figures.stage(stage):
        result = link(records, model, night=NIGHT, threads=THREADS, kept=kept)
    figures.facts[stage] = dict(result.seconds) | {"compared": result.compared}
    return result


def _increment(records: pa.Table, root: Path, figures: Figures) -> pa.Table:
    """Link a night in full and by its changes, from scores sealed as in the vault."""
    yesterday, tonight = two_nights(records)
    model = load_model(LINKAGE)
    store = KeptScores(root, bytes(32))
    kept_in = root / "kept"
    kept_in.mkdir(exist_ok=True)
    base = link(yesterday, model, night=NIGHT, threads=THREADS, keep_scores=True)
    with figures.stage("write scores"):
        store.save(Rescored(base, {}), kept_in, kept_in.name)
    del base
    full = _linked(figures, "full", tonight)
    with figures.stage("read scores"):
        kept = store.read(kept_in.name)
    part = _linked(figures, "increment", tonight, kept)
    figures.facts["identical"] = part.clusters.equals(full.clusters)
    return part.clusters


def two_nights(records: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return last night's and tonight's records, which differ in one of a hundred."""
    draw = np.random.default_rng(1).random(records.num_rows)
    come, gone = draw < CHANGED / 2, draw > 1 - CHANGED / 4
    moved = (draw > 0.5) & (draw < 0.5 + CHANGED / 4)
    street = records["street"].to_numpy().copy()
    street[moved] = [f"{n} Newly Moved Street" for n in range(moved.sum())]
    place = records.column_names.index("street")
    tonight = records.set_column(place, "street", pa.array(street, pa.string()))
    return records.filter(pa.array(~come)), tonight.filter(pa.array(~gone))


def _splink(records: pa.Table, figures: Figures) -> pa.Table:
    from benchmarks.stock_linking import as_in_tutorial, cluster

    frame = records.to_pandas()
    for name, values in PLACEHOLDERS.items():
        frame.loc[frame[name].isin(values), name] = None
    with figures.stage("train, predict, cluster"):
        found = cluster(frame, as_in_tutorial)
    return pa.Table.from_pandas(
        found[["record_key", "cluster_id"]], preserve_index=False
    ).cast(pa.schema([("record_key", pa.string()), ("cluster_id", pa.string())]))


def _exact(records: pa.Table) -> pa.Table:
    """Return records grouped by name and birth date, as they are written."""
    with duckdb.connect(config={"threads": THREADS}) as con:
        con.register("records", records)
        return con.sql(
            """
            SELECT
                record_key,
                CASE
                    WHEN birth_date IS NULL OR first_name IS NULL OR last_name IS NULL
                        THEN record_key
                    ELSE MIN(record_key) OVER (
                        PARTITION BY UPPER(first_name), UPPER(last_name), birth_date
                    )
                END AS cluster_id
            FROM records
            """
        ).to_arrow_table()


if __name__ == "__main__":
    measured = Figures(sys.argv[1])
    with measured.stage("imports"):
        import splink  # noqa: F401
    run(sys.argv[1], Path(sys.argv[2]), measured)
    measured.save(Path(sys.argv[3]))
