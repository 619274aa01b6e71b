"""Many artefacts looked through side by side, by kind, in a few processes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import UNREADABLE, Finding, scan

SMALL = 64 << 20  # bytes for which starting processes takes longer than looking
_worker: list[Dictionary] = []


@dataclass(frozen=True)
class Artefact:
    """A file to look through, and what kind of artefact it is."""

    kind: str
    path: Path
    base: Path
    sealed: bool = False
    """Whether it lies where files are encrypted: such a file need not open."""

    @property
    def size(self) -> int:
        """Return how many bytes it has; none where it is gone or a link to nowhere."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0


@dataclass(frozen=True)
class Looked:
    """What came of one artefact."""

    kind: str
    size: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class KindResult:
    """What came of all artefacts of a kind."""

    kind: str
    artefacts: int
    bytes: int
    findings: int


def search(
    artefacts: Iterable[Artefact],
    dictionary: Dictionary,
    *,
    workers: int = 1,
    tell: Callable[[int], None] = lambda _: None,
) -> list[Looked]:
    """Look through artefacts, the largest first.

    Args:
        artefacts: What to look through.
        dictionary: What must not be found.
        workers: How many processes may work at once.
        tell: Is called with each artefact's bytes when it has been looked through.
    """
    queue = sorted(artefacts, key=lambda artefact: -artefact.size)
    alone = workers == 1 or sum(artefact.size for artefact in queue) < SMALL
    looked = []
    found = (
        _one_by_one(queue, dictionary) if alone else _spread(queue, dictionary, workers)
    )
    for one in found:
        tell(one.size)
        looked.append(one)
    return looked


def by_kind(looked: Iterable[Looked]) -> tuple[KindResult, ...]:
    """Add up what came of the artefacts of each kind."""
    artefacts, sizes, findings = Counter[str](), Counter[str](), Counter[str]()
    for one in looked:
        artefacts[one.kind] += 1
        sizes[one.kind] += one.size
        findings[one.kind] += len(one.findings)
    return tuple(
        KindResult(kind, artefacts[kind], sizes[kind], findings[kind])
        for kind in sorted(artefacts)
    )


def _one_by_one(queue: Sequence[Artefact], dictionary: Dictionary) -> Iterator[Looked]:
    for artefact in queue:
        yield _look(artefact, dictionary)


def _spread(
    queue: Sequence[Artefact], dictionary: Dictionary, workers: int
) -> Iterator[Looked]:
    """Share the artefacts out; each process makes its automaton of the same forms.

    Forked from a server that has only imported: a process with threads of DuckDB's or
    Arrow's can hang in its forks.
    """
    with ProcessPoolExecutor(
        workers, get_context("forkserver"), _begin, (dictionary,)
    ) as pool:
        for done in as_completed([pool.submit(_look_there, one) for one in queue]):
            yield done.result()


def _begin(dictionary: Dictionary) -> None:
    """Keep the dictionary that a process has been given."""
    _worker.append(dictionary)


def _look_there(artefact: Artefact) -> Looked:
    return _look(artefact, _worker[0])


def _look(artefact: Artefact, dictionary: Dictionary) -> Looked:
    size = artefact.size
    findings = scan([artefact.path], dictionary, base=artefact.base)
    if artefact.sealed:
        findings = tuple(f for f in findings if f.kind != UNREADABLE)
    return Looked(artefact.kind, size, findings)
