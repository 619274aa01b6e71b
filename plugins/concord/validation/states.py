"""A feed's state on a night: content and vault, complete and never changed again.

The state's name is made from everything it depends on. Where a folder of that name
exists, the work has been done and is not done again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from concord.exceptions import IntegrityError
from concord.landing.history import ColumnProfile, Deletion, Healing
from concord.landing.records import ColumnCount, RuleCount, TableCount
from concord.sealing import KeyRing, Written, read_rows, read_table, write_rows
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


Rows = Callable[[], pa.RecordBatchReader]


@dataclass(frozen=True)
class StateTables:
    """The tables of a state, what happened and who, each to be read once."""

    content: dict[str, Rows]
    vault: dict[str, Rows]


@dataclass(frozen=True)
class StagedState:
    """A state that is written and does not yet show."""

    folder: Path
    content: dict[str, Written]
    vault: dict[str, Written]

    def describe(self, description: StateDescription) -> None:
        """Write what the state was made from."""
        text = json.dumps(description.model_dump(mode="json"), indent=2)
        write_bytes(self.folder / DESCRIPTION, text.encode())


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

    @contextmanager
    def appearing(
        self, state: str, tables: StateTables, confirm: Callable[[], None]
    ) -> Iterator[StagedState]:
        """Write a state that shows at the end of the block, if it was described.

        The vault shows first, so that content never stands alone. ``confirm`` raises
        where the right to write has been lost meanwhile.
        """
        with (
            appearing(self.content / state, confirm) as content,
            appearing(self.vault / state, confirm) as vault,
        ):
            key = self.keys.zone_key
            yield StagedState(
                content,
                _write(tables.content, content, key("content"), state),
                _write(tables.vault, vault, key("vault"), state),
            )

    def open_content(self, state: str, table: str) -> pa.RecordBatchReader:
        """Read one content table of a state bit by bit."""
        path = self.content / state / f"{table}.parquet"
        return read_rows(path, self.keys.zone_key("content"))

    def open_vault(self, state: str, table: str) -> pa.RecordBatchReader:
        """Read one vault table of a state bit by bit."""
        path = self.vault / state / f"{table}.parquet"
        return read_rows(path, self.keys.zone_key("vault"))

    def read_content(
        self, state: str, table: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Read one content table of a state, or some of its columns."""
        path = self.content / state / f"{table}.parquet"
        return read_table(path, self.keys.zone_key("content"), columns)

    def read_vault(
        self, state: str, table: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Read one vault table of a state, or some of its columns."""
        path = self.vault / state / f"{table}.parquet"
        return read_table(path, self.keys.zone_key("vault"), columns)

    def vault_tables(self, state: str) -> list[str]:
        """List the vault tables of a state."""
        return sorted(p.stem for p in Path(self.vault / state).glob("*.parquet"))


def _write(
    tables: dict[str, Rows], folder: Path, key: bytes, state: str
) -> dict[str, Written]:
    return {
        name: write_rows(rows(), folder / f"{name}.parquet", key, place=state)
        for name, rows in tables.items()
    }
