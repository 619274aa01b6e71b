"""A feed's state on a night: content and vault, complete and never changed again.

The state's name is made from everything it depends on. Where a folder of that name
exists, the work has been done and is not done again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from concord.exceptions import IntegrityError
from concord.landing.history import ColumnProfile, Deletion, Healing
from concord.landing.records import ColumnCount, RuleCount, TableCount
from concord.sealing import KeyRing, read_table, write_table
from concord.zones import Zones, appearing, write_bytes

DESCRIPTION = "state.json"


class Outcome(BaseModel):
    """What became of a delivery's rows, kept so that a lost ledger can be rebuilt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[TableCount, ...]
    rules: tuple[RuleCount, ...]
    profiles: tuple[ColumnProfile, ...] = ()


class StateDescription(BaseModel):
    """What a state was made from, and the counts that the ledger keeps of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    night: date
    previous: str | None
    deliveries: tuple[str, ...]
    contract_version: str
    content: dict[str, int]
    vault: dict[str, int]
    made_at: datetime
    outcomes: dict[str, Outcome]
    columns: tuple[ColumnCount, ...]
    healing: tuple[Healing, ...] = ()
    deletion: Deletion | None = None


@dataclass(frozen=True)
class StateTables:
    """The tables of a state: what happened, and who."""

    content: dict[str, pa.Table]
    vault: dict[str, pa.Table]


def state_id(night: date, parts: Iterable[str]) -> str:
    """Name a state after the night and everything that it is made from."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{night.isoformat()}-{digest[:12]}"


class StateStore:
    """Reads and writes the states of one feed."""

    def __init__(self, zones: Zones, keys: KeyRing, feed: str) -> None:
        self.feed = feed
        self.content = zones.content / feed
        self.vault = zones.vault / feed
        self.keys = keys

    def exists(self, state: str) -> bool:
        """Say whether a state is complete on disk."""
        return (self.content / state).is_dir() and (self.vault / state).is_dir()

    def names(self) -> list[str]:
        """List the states that are complete on disk."""
        if not self.content.is_dir():
            return []
        found = (path.name for path in self.content.iterdir())
        return sorted(n for n in found if n[0] != "." and self.exists(n))

    def described(self) -> list[str]:
        """List the states that have a description, also those that were destroyed."""
        return sorted(p.parent.name for p in self.content.glob(f"[0-9]*/{DESCRIPTION}"))

    def describe(self, state: str) -> StateDescription:
        """Return what a state was made from."""
        path = self.content / state / DESCRIPTION
        try:
            return StateDescription.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValueError) as error:
            raise IntegrityError(
                f"{self.feed}/{state}: the state's description is missing or "
                f"unreadable ({type(error).__name__})"
            ) from None

    def write(
        self,
        state: str,
        tables: StateTables,
        description: StateDescription,
        confirm: Callable[[], None],
    ) -> None:
        """Write a state; the vault first, so that content never stands alone.

        ``confirm`` raises where the right to write has been lost meanwhile.
        """
        with appearing(self.vault / state, confirm) as folder:
            key = self.keys.zone_key("vault")
            for name, table in tables.vault.items():
                write_table(table, folder / f"{name}.parquet", key, place=state)
        with appearing(self.content / state, confirm) as folder:
            key = self.keys.zone_key("content")
            for name, table in tables.content.items():
                write_table(table, folder / f"{name}.parquet", key, place=state)
            text = json.dumps(description.model_dump(mode="json"), indent=2)
            write_bytes(folder / DESCRIPTION, text.encode())

    def read_content(self, state: str, table: str) -> pa.Table:
        """Read one content table of a state."""
        path = self.content / state / f"{table}.parquet"
        return read_table(path, self.keys.zone_key("content"))

    def read_vault(self, state: str, table: str) -> pa.Table:
        """Read one vault table of a state."""
        path = self.vault / state / f"{table}.parquet"
        return read_table(path, self.keys.zone_key("vault"))

    def vault_tables(self, state: str) -> list[str]:
        """List the vault tables of a state."""
        return sorted(p.stem for p in Path(self.vault / state).glob("*.parquet"))
