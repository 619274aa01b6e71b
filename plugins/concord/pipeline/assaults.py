"""The event step: assaults that the hospital and the police both know.

Pairs of event numbers are kept beside the content; how many there are is an event of
the ledger. Of the vault it reads sex and ZIP code of a record and the ZIP code of a
place, nothing else: it never learns who somebody is.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from concord.contracts.models import Contract
from concord.deidentification.content_columns import content_columns
from concord.exceptions import LinkageError
from concord.landing.records import LinkageRun
from concord.linkage.events import CONTENT, EVENTS, STEPS, LinkedAssaults, link_assaults
from concord.pipeline.county import County
from concord.sealing import read_table, write_table
from concord.validation.states import StateStore, state_id
from concord.zones import appearing, write_bytes

FOLDER = "assaults"
LINKED = "assaults_linked"
PAIRS, ABOUT = "pairs.parquet", "about.json"


@dataclass(frozen=True)
class AssaultCounts:
    """How many visits and incidents there are, and how many are of one assault."""

    visits: int
    incidents: int
    linked: int


class AssaultStep:
    """Links the assaults in the states that a night's linkage stands on."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.folder = county.zones.content / FOLDER

    def run(self, night: date) -> AssaultCounts | None:
        """Link and count; None where the county has not both sides of it.

        Raises:
            LinkageError: ``LINKAGE_FAILED``, naming the kind of error alone.
        """
        run = self.county.ledger.linkage_as_of(night)
        if run is None or not self._possible(run):
            return None
        name = self._name(run)
        if not (self.folder / name).is_dir():
            self._keep(name, run, self._link(run))
        counts = AssaultCounts(**_described(self.folder / name)["counts"])
        self.county.ledger.record_event(LINKED, night, **asdict(counts))
        return counts

    def pairs(self, run: LinkageRun) -> pa.Table | None:
        """Return the pairs that ``run`` kept; None where there can be none.

        Raises:
            LinkageError: ``NOT_LINKED``: the night's linkage is of before this step.
        """
        if not self._possible(run):
            return None
        path = self.folder / self._name(run) / PAIRS
        if not path.is_file():
            raise LinkageError(
                "NOT_LINKED",
                f"assaults have not been linked for {run.night}",
                "Run link_persons for the night first",
            )
        return read_table(path, self.county.keys.zone_key("content"))

    def forget(self, feed: str, states: Collection[str]) -> None:
        """Destroy the pairs that were made from states of a feed."""
        for path in self.folder.glob(f"[0-9]*/{ABOUT}"):
            if _described(path.parent)["states"].get(feed) in states:
                shutil.rmtree(path.parent)

    def _possible(self, run: LinkageRun) -> bool:
        """Say whether both feeds have a state and contracts with what is compared."""
        contracts = self.county.registry.contracts
        return all(
            feed in run.inputs and _has(contracts.get(feed), tables)
            for feed, tables in CONTENT.items()
        )

    def _name(self, run: LinkageRun) -> str:
        """Return the name of the linked assaults, made from all that they come from."""
        queries = b"".join((EVENTS / f"{step}.sql").read_bytes() for step in STEPS)
        states = (run.inputs[feed] for feed in sorted(CONTENT))
        return state_id(run.night, [hashlib.sha256(queries).hexdigest(), *states])

    def _link(self, run: LinkageRun) -> LinkedAssaults:
        inputs = self._inputs(run)
        try:
            return link_assaults(inputs)
        except Exception as error:  # an engine's message can hold a value
            kind = type(error).__name__
        raise LinkageError(
            "LINKAGE_FAILED",
            f"{kind} while the assaults of {run.night} were linked",
            "The persons are linked; run link_persons again on a copy to see the cause",
        )

    def _inputs(self, run: LinkageRun) -> dict[str, pa.Table]:
        """Read the columns that are compared, and none besides."""
        inputs: dict[str, pa.Table] = {}
        traits, spots = [], []
        for feed, tables in CONTENT.items():
            store = StateStore(self.county.zones, self.county.keys, feed)
            state = run.inputs[feed]
            for table, columns in tables.items():
                read = store.read_content(state, table, columns)
                inputs[f"{feed}__{table}"] = read
            traits.append(
                store.read_vault(state, "person", ("record_key", "sex", "zip"))
            )
            if "place" in store.vault_tables(state):
                spots.append(store.read_vault(state, "place", ("place_key", "zip")))
        inputs["trait"] = pa.concat_tables(traits, promote_options="permissive")
        inputs["spot"] = pa.concat_tables(spots, promote_options="permissive")
        return inputs

    def _keep(self, name: str, run: LinkageRun, linked: LinkedAssaults) -> None:
        counts = AssaultCounts(linked.visits, linked.incidents, linked.pairs.num_rows)
        key = self.county.keys.zone_key("content")
        with appearing(self.folder / name) as folder:
            write_table(linked.pairs, folder / PAIRS, key, place=name)
            states = {feed: run.inputs[feed] for feed in CONTENT}
            about = {"counts": asdict(counts), "states": states}
            write_bytes(folder / ABOUT, json.dumps(about, indent=2).encode())


def _described(folder: Path) -> dict[str, Any]:
    """Return what is known of linked assaults: their counts and states."""
    about: dict[str, Any] = json.loads((folder / ABOUT).read_bytes())
    return about


def _has(contract: Contract | None, needed: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether a contract's content has the tables and columns needed."""
    if contract is None:
        return False
    content = {t.name: {c.name for c in content_columns(t)} for t in contract.tables}
    return all(
        set(columns) <= content.get(table, set()) for table, columns in needed.items()
    )
