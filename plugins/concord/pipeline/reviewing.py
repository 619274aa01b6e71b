"""The review queue for the steward: a page to read, a file to fill in and hand back.

Both show identities. They are made on demand, readable by their owner alone and never
inside the data root; the vault keeps the queue itself, sealed.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from concord.deidentification.vault_rules import PERSON_CONCEPTS
from concord.exceptions import LinkageError
from concord.landing.records import LinkageRun
from concord.linkage.decisions import Decision, Wish, in_force
from concord.pipeline.county import County
from concord.pipeline.deciding import DecisionLog, decide_pairs
from concord.pipeline.person_store import PersonStore
from concord.pipeline.returning import OWNER_ONLY, harmless, refuse_place
from concord.pipeline.states import person_records, states_of
from concord.reporting.rendering import environment
from concord.zones import write_bytes

ANSWERS: dict[str, Literal["join", "part"]] = {"same": "join", "different": "part"}
DECIDE = ("decision", "reason", "one", "other")
TOLD = ("weight", "joins", "records_one", "records_other")
SHOWN = ("feed", *PERSON_CONCEPTS)
MOST = 200


@dataclass(frozen=True)
class Attribute:
    """What two records say of one attribute."""

    name: str
    one: str
    other: str

    @property
    def standing(self) -> Literal["same", "different", "not known"]:
        """Say how the two values stand to each other."""
        if not self.one or not self.other:
            return "not known"
        return "same" if self.one.casefold() == self.other.casefold() else "different"


@dataclass(frozen=True)
class Question:
    """A pair of records that could be one person, for a person to decide."""

    one: str
    other: str
    weight: float
    joins: int
    records_one: int
    records_other: int
    attributes: tuple[Attribute, ...]

    @property
    def odds(self) -> int:
        """Return how many to one the model bets that they are one person."""
        return round(2**self.weight)


@dataclass(frozen=True)
class Imported:
    """What became of a file that came back."""

    decided: tuple[Decision, ...]
    known: int
    open: int


def questions(county: County, most: int = MOST) -> tuple[LinkageRun, list[Question]]:
    """Return the newest night's open questions, those that change most first."""
    store = PersonStore(county)
    run = store.newest()
    queue = store.read(run, "review").to_pylist()
    decided = {d.pair for d in in_force(DecisionLog(county).read(), date.max)}
    open_pairs = [q for q in queue if (q["one"], q["other"]) not in decided][:most]
    keys = {key for q in open_pairs for key in (q["one"], q["other"])}
    said = _said(county, run, keys)
    return run, [
        Question(**q, attributes=tuple(_attributes(said[q["one"]], said[q["other"]])))
        for q in open_pairs
    ]


def write_page(county: County, to: Path, most: int = MOST) -> int:
    """Write the open questions as a page for the steward; returns how many."""
    refuse_place(county, to)
    run, asked = questions(county, most)
    page = environment().get_template("review.html.j2")
    html = page.render(
        county=county.settings.county,
        night=run.night,
        questions=asked,
        waiting=run.measures["possible"],
    )
    write_bytes(to, html.encode("utf-8"), OWNER_ONLY)
    county.ledger.record_event("review_shown", run.night, pairs=len(asked))
    return len(asked)


def export_review(county: County, to: Path, most: int = MOST) -> int:
    """Write the open questions as CSV to be filled in; returns how many."""
    refuse_place(county, to)
    run, asked = questions(county, most)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    sides = [f"{side}_{name}" for name in SHOWN for side in ("one", "other")]
    writer.writerow([*DECIDE, *TOLD, *sides])
    for q in asked:
        told = [f"{q.weight:.1f}", q.joins, q.records_one, q.records_other]
        values = [value for a in q.attributes for value in (a.one, a.other)]
        cells = ["", "", q.one, q.other, *told, *values]
        writer.writerow([harmless(cell) for cell in cells])
    write_bytes(to, text.getvalue().encode("utf-8-sig"), OWNER_ONLY)
    county.ledger.record_event("review_exported", run.night, pairs=len(asked))
    return len(asked)


def import_review(county: County, file: Path, *, by: str) -> Imported:
    """Take the decisions that a filled-in file holds, all or none.

    A line without a decision stays open; one that repeats a decision in force is
    counted and changes nothing, so a file may be imported twice.

    Raises:
        LinkageError: ``REVIEW_FILE_WRONG``, naming the line and no value of it, or
            ``DECISION_REFUSED``.
    """
    held = {(d.kind, d.pair) for d in in_force(DecisionLog(county).read(), date.max)}
    wishes = list(_wishes(file))
    new = [w for w in wishes if w is not None and (w.kind, w.pair) not in held]
    answered = sum(wish is not None for wish in wishes)
    decided = decide_pairs(county, new, by=by) if new else ()
    return Imported(decided, answered - len(new), len(wishes) - answered)


def _wishes(file: Path) -> Iterator[Wish | None]:
    """Yield what each line of a file wants, None where it wants nothing."""
    rows, problem = _rows(file)
    if problem:
        raise _wrong(problem)
    for line, row in enumerate(rows, start=2):
        answer = (row["decision"] or "").strip().lower()
        if not answer:
            yield None
            continue
        if answer not in ANSWERS:
            raise _wrong(f"line {line}, column 'decision': neither same nor different")
        if not (row["reason"] or "").strip():
            raise _wrong(f"line {line}, column 'reason': empty")
        if not row["one"] or not row["other"]:
            raise _wrong(f"line {line}: a record key is missing")
        keys = row["one"].strip(), row["other"].strip()
        yield Wish(ANSWERS[answer], *keys, row["reason"].strip())


def _rows(file: Path) -> tuple[list[dict[str, str]], str]:
    """Read a file's rows; returns what is wrong with it instead, if anything is."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [], f"it cannot be read as UTF-8 text ({type(error).__name__})"
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in DECIDE if name not in (reader.fieldnames or ())]
    if missing:
        return [], f"line 1: no column {', '.join(missing)}"
    return list(reader), ""


def _wrong(detail: str) -> LinkageError:
    return LinkageError(
        "REVIEW_FILE_WRONG",
        detail,
        "Nothing was decided. Correct the file: comma-separated, UTF-8, with the "
        "columns as exported; decision is same, different or empty",
    )


def _said(county: County, run: LinkageRun, keys: set[str]) -> dict[str, dict[str, Any]]:
    """Return what the vault says of each record named."""
    named = pa.array(sorted(keys), pa.string())
    return {
        row["record_key"]: row
        for table in person_records(county, states_of(county, run))
        for row in table.filter(
            pc.is_in(table["record_key"], value_set=named)
        ).to_pylist()
    }


def _attributes(one: dict[str, Any], other: dict[str, Any]) -> Iterator[Attribute]:
    for name in SHOWN:
        yield Attribute(name, _text(one.get(name)), _text(other.get(name)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
