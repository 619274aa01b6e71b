"""People's decisions about pairs of records, kept in the vault and never changed.

They lie in the vault and not in the ledger because a reason may name a person, and
because they must outlive a lost ledger. The ledger is told their numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from concord.landing.records import now
from concord.linkage.decisions import (
    Decision,
    Wish,
    decide,
    from_table,
    refused,
    to_table,
    undo,
)
from concord.pipeline.county import County
from concord.pipeline.person_store import PersonStore
from concord.sealing import read_table, write_table
from concord.zones import PRIVATE, alone, appearing

FOLDER = "decisions"
TABLE = "decisions.parquet"


class DecisionLog:
    """Every decision ever taken: ``vault/persons/decisions``, a folder a batch."""

    def __init__(self, county: County) -> None:
        self.store = PersonStore(county)
        self.folder: Path = self.store.folder / FOLDER

    def read(self) -> tuple[Decision, ...]:
        """Return every decision, oldest first."""
        return tuple(
            decision
            for folder in sorted(self.folder.glob("[0-9]*"))
            for decision in from_table(read_table(folder / TABLE, self.store.key))
        )

    @contextmanager
    def growing(self) -> Iterator[list[Decision]]:
        """Give a list for new decisions, which are all kept at the end or none."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        with alone(self.folder / "lock"):
            made: list[Decision] = []
            yield made
            if made:
                name = f"{made[0].number:08d}"
                with appearing(self.folder / name) as folder:
                    table = to_table(made)
                    write_table(table, folder / TABLE, self.store.key, place=name)


def decide_pairs(
    county: County, wishes: Sequence[Wish], *, by: str
) -> tuple[Decision, ...]:
    """Take decisions, all or none; they hold from the next night that is linked.

    Raises:
        LinkageError: ``DECISION_REFUSED``, naming the wish and no record.
    """
    log = DecisionLog(county)
    run = log.store.newest()
    known = set(log.store.known(run)["record_key"].to_pylist())
    for place, wish in enumerate(wishes, start=1):
        if not {wish.one, wish.other} <= known:
            raise refused(
                f"wish {place} names a record that linkage has never seen",
                "Copy both record keys from the review page or file",
            )
    since = run.night + timedelta(days=1)
    with log.growing() as made:
        made += decide(log.read(), wishes, by=by, since=since, at=now())
    _tell(county, made)
    return tuple(made)


def undo_decision(county: County, number: int, *, reason: str, by: str) -> Decision:
    """Undo a decision from the next night on; raises LinkageError if none holds."""
    log = DecisionLog(county)
    since = log.store.newest().night + timedelta(days=1)
    with log.growing() as made:
        undone = undo(log.read(), number, reason=reason, by=by, since=since, at=now())
        made.append(undone)
    _tell(county, made)
    return undone


def _tell(county: County, made: Iterable[Decision]) -> None:
    """Tell the ledger which decisions were taken: numbers and kinds, no record."""
    for decision in made:
        county.ledger.record_event(
            "linkage_decided",
            decision.since,
            number=decision.number,
            decision=decision.kind,
            undoes=decision.undoes,
            by=decision.by,
        )
