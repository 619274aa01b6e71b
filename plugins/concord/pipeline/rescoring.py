"""Which nights score every pair, and where the nights between find what was scored.

A full run keeps its scores in the vault. Each night after it scores the records that
have changed since, until a week has passed; then everything is scored again, the short
way is taken once more beside it, and what differs is counted. Nothing should.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from concord.landing.records import LinkageRun
from concord.linkage.prediction import LinkResult, link
from concord.linkage.scoring import Scored
from concord.linkage.settings import PersonModel
from concord.pipeline.person_store import read_run
from concord.sealing import read_table, write_table

FULL_EVERY = timedelta(days=7)
SCORING = "scoring"
SCORED = "scored_"
NODES = f"{SCORED}nodes.parquet"
PAIRS = f"{SCORED}pairs.parquet"
FINGERPRINT = b"concord.scores"


@dataclass(frozen=True)
class Rescored:
    """A night's linkage, and what the ledger keeps of how it was scored."""

    result: LinkResult
    measures: dict[str, Any]


class KeptScores:
    """The scores that full runs keep beside their persons."""

    def __init__(self, persons: Path, key: bytes) -> None:
        self.persons = persons
        self.key = key

    def link(
        self,
        records: pa.Table,
        model: PersonModel,
        *,
        persons_id: str,
        night: date,
        before: LinkageRun | None,
        **options: Any,
    ) -> Rescored:
        """Link a night's records, in full or what has changed since a full run.

        Args:
            records: The night's records.
            model: The trained model.
            persons_id: The linkage's name, under which a full run is found again.
            night: The night.
            before: The linkage of the night before, which knows the last full run.
            options: What else ``link`` is told, such as the persons of last night and
                what people decided: the control of the week is told it too.
        """
        said = before.measures.get(SCORING, {}) if before else {}
        kept = self.read(said.get("in", ""))
        part = None
        if kept is not None and kept.serves(model, records.num_rows):
            part = link(records, model, night=night, kept=kept, **options)
            if night - date.fromisoformat(said["since"]) < FULL_EVERY:
                full_run = {"in": said["in"], "since": said["since"]}
                return Rescored(part, {**full_run, "compared": part.compared})
        whole = link(records, model, night=night, keep_scores=True, **options)
        measures = {
            "in": persons_id,
            "since": night.isoformat(),
            "compared": whole.compared,
        }
        if part is not None:
            measures["differing"] = _differing(whole, part)
        return Rescored(whole, measures)

    @contextmanager
    def saving(
        self, rescored: Rescored, folder: Path, persons_id: str
    ) -> Iterator[None]:
        """Write what a full run scored while its persons get their ids."""
        with ThreadPoolExecutor(1) as pool:
            saved = pool.submit(self.save, rescored, folder, persons_id)
            yield
            saved.result()

    def save(self, rescored: Rescored, folder: Path, persons_id: str) -> None:
        """Write what a full run scored into the folder of its persons."""
        scored = rescored.result.scored
        if scored is None:
            return
        seal = {FINGERPRINT: scored.fingerprint.encode()}
        nodes = scored.nodes.replace_schema_metadata(seal)
        write_table(nodes, folder / NODES, self.key, place=persons_id)
        write_table(scored.pairs, folder / PAIRS, self.key, place=persons_id)

    def forget_others(self, rescored: Rescored) -> None:
        """Remove the scores of other full runs than the one this night goes back to."""
        for path in self.persons.glob(f"*/{SCORED}*"):
            if path.parent.name != rescored.measures["in"]:
                path.unlink()

    def read(self, persons_id: str) -> Scored | None:
        """Return what a full run scored; None where it is kept no longer."""
        folder = self.persons / persons_id
        if not persons_id or not (folder / NODES).is_file():
            return None
        nodes = read_table(folder / NODES, self.key)
        pairs = read_table(folder / PAIRS, self.key)
        fingerprint = (nodes.schema.metadata or {}).get(FINGERPRINT, b"").decode()
        return Scored(fingerprint, nodes, pairs)


def forget_scores(persons: Path, feed: str, states: Collection[str]) -> None:
    """Remove what was kept of full runs that linked a state which is destroyed."""
    for nodes in persons.glob(f"*/{NODES}"):
        if read_run(nodes.parent).inputs.get(feed) in states:
            for path in nodes.parent.glob(f"{SCORED}*"):
                path.unlink()


def _differing(one: LinkResult, other: LinkResult) -> int:
    """Count the records that two results of one night put into other clusters."""
    differs = pc.not_equal(one.clusters["cluster_id"], other.clusters["cluster_id"])
    return pc.sum(differs.cast(pa.int64())).as_py() or 0
