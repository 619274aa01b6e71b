"""A sample of the linkage in force for people to judge, and what their judgement says.

A sample is a folder of the vault: ``sample.csv`` for the judge, readable by the owner
alone, and, sealed, which pairs they are.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from concord.exceptions import ConcordError
from concord.linkage.measuring import Evaluation, unlinkable
from concord.linkage.sampling import (
    candidate_pairs,
    curve_of,
    draw,
    estimate,
    judged_pairs,
    strata,
)
from concord.pipeline.county import County
from concord.pipeline.evaluating import in_force, recorded
from concord.pipeline.returning import OWNER_ONLY, harmless
from concord.sealing import read_table, write_table
from concord.zones import PRIVATE, write_bytes

SAMPLES = "samples"
SAMPLE = "sample.csv"
PAIRS = "pairs.parquet"
SHOWN = (
    "first_name", "middle_name", "last_name", "suffix", "birth_date", "sex", "ssn",
    "state_id", "phone", "email", "street", "city", "zip",
)  # fmt: skip
ANSWERS = {"yes": True, "no": False, "unsure": None}


def draw_sample(county: County, night: date | None, wanted: int, seed: int) -> Path:
    """Draw pairs for people to judge into the vault; returns the CSV file to fill in.

    Raises:
        ConcordError: That sample was drawn before and may have been judged.
    """
    linked = in_force(county, night)
    name = f"{linked.run.night.isoformat()}-{seed}"
    folder = county.zones.vault / SAMPLES / name
    if folder.exists():
        raise ConcordError(
            f"{folder}: this sample was drawn before, and may have been judged. Give "
            "another --seed"
        )
    settings = county.settings
    with county.zones.workspace("sample") as scratch:
        pairs = candidate_pairs(
            linked.records,
            linked.assignments,
            linked.model,
            linked.run.night,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
            scratch=scratch,
        )
    sample = draw(pairs, wanted, seed)
    folder.parent.mkdir(mode=PRIVATE, exist_ok=True)
    folder.mkdir(mode=PRIVATE)
    write_table(sample, folder / PAIRS, county.keys.zone_key("vault"))
    text = _sheet(sample, linked.records)
    write_bytes(folder / SAMPLE, text.encode("utf-8-sig"), OWNER_ONLY)
    county.ledger.record_event(
        "linkage_sampled", linked.run.night, sample=name, pairs=sample.num_rows
    )
    return folder / SAMPLE


def _sheet(sample: pa.Table, records: pa.Table) -> str:
    """Write what a judge sees: two records a line, and neither weight nor outcome."""
    keys = {*sample["one"].to_pylist(), *sample["other"].to_pylist()}
    wanted = records.select(["record_key", *SHOWN]).filter(
        pc.is_in(records["record_key"], pa.array(keys, pa.string()))
    )
    rows = {row["record_key"]: row for row in wanted.to_pylist()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    head = [f"{name}_{side}" for name in SHOWN for side in (1, 2)]
    writer.writerow(["pair", "same_person", *head])
    for place, pair in enumerate(sample.to_pylist()):
        both = rows[pair["one"]], rows[pair["other"]]
        cells = [harmless(row[name]) for name in SHOWN for row in both]
        writer.writerow([place, "", *cells])
    return text.getvalue()


def evaluate_on_sample(county: County, name: str | None, seed: int) -> Evaluation:
    """Measure the linkage that a sample was drawn from by what people said of it.

    Raises:
        ConcordError: There is no sample, an answer is none of yes, no and unsure, or
            nothing was judged yet.
    """
    folder = _sample_folder(county, name)
    sample = read_table(folder / PAIRS, county.keys.zone_key("vault"))
    labels = _labels(folder / SAMPLE)
    counted = strata(sample, labels)
    if not any(stratum.judged for stratum in counted):
        raise ConcordError(
            f"{folder / SAMPLE}: no pair has been judged. Write yes, no or unsure into "
            "the column same_person"
        )
    linked = in_force(county, date.fromisoformat(folder.name[:10]))
    found = Evaluation(
        data="judged sample",
        night=linked.run.night,
        model_version=linked.run.model_version,
        records=linked.run.records,
        pairs=estimate(counted, seed),
        groups=None,
        curve=curve_of(counted),
        agencies=(),
        by_group=(),
        unlinkable=unlinkable(linked.records, linked.run.night),
        sample=judged_pairs(sample, labels),
    )
    return recorded(county, linked.run.night, found)


def samples(county: County) -> list[str]:
    """Return the names of the samples that were drawn, oldest first."""
    found = (county.zones.vault / SAMPLES).glob(f"*/{SAMPLE}")
    return [path.parent.name for path in sorted(found, key=_drawn_at)]


def _drawn_at(path: Path) -> tuple[str, float]:
    """Order samples by their night, then by when they were drawn."""
    return path.parent.name[:10], (path.parent / PAIRS).stat().st_mtime


def _sample_folder(county: County, name: str | None) -> Path:
    known = samples(county)
    if not known:
        raise ConcordError(
            "linkage is not measured: there is no truth and no sample. Draw one: "
            "concord linkage sample"
        )
    if name is not None and name not in known:
        raise ConcordError(f"no sample '{name}'. There are: {', '.join(known)}")
    return county.zones.vault / SAMPLES / (name or known[-1])


def _labels(path: Path) -> Mapping[int, bool | None]:
    """Read a judge's answers; lines without one are left out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return dict(_answers(path, csv.DictReader(file)))


def _answers(
    path: Path, rows: "csv.DictReader[str]"
) -> Iterator[tuple[int, bool | None]]:
    for row in rows:
        answer = (row.get("same_person") or "").strip().lower()
        if not answer:
            continue
        place = row.get("pair") or ""
        if answer not in ANSWERS or not place.isdecimal():
            raise ConcordError(
                f"{path}: line {rows.line_num}: same_person is none of yes, no and "
                "unsure, or the pair has lost its number. Correct the line"
            )
        yield int(place), ANSWERS[answer]
