"""The release gate as a state machine: pure, folded from attributed decisions.

    draft → checked → released → superseded
      ↑________|          ↓____________↓
      a file changed        withdrawn

A draft or a checked release that a newer one overtook is superseded too. Nothing comes
back from withdrawn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from concord.exceptions import GateRefused
from concord.publication.layout import CATALOG, CHANGES, MANIFEST, README, SIGNATURE

State = Literal["draft", "checked", "released", "withdrawn", "superseded"]
Kind = Literal["checked", "voted", "changed", "released", "withdrawn", "superseded"]
FROM: Mapping[Kind, frozenset[State]] = {
    "checked": frozenset({"draft"}),
    "voted": frozenset({"checked"}),
    "changed": frozenset({"checked"}),
    "released": frozenset({"checked"}),
    "withdrawn": frozenset({"released", "superseded"}),
    "superseded": frozenset({"draft", "checked", "released"}),
}
"""The states in which each decision may be taken."""

ALLOWED_TYPES = frozenset({".parquet", ".csv", ".json", ".png"})
OUR_DOCUMENTS = frozenset(
    {MANIFEST, SIGNATURE, CATALOG, README, CHANGES, "dictionary.md", "dictionary.html"}
)
"""Files that Concord itself writes into every release, of whatever type."""


@dataclass(frozen=True)
class Context:
    """What reviewers must know to judge a release; all of it is required."""

    population: str
    period: str
    count: int
    related: str

    def lacking(self) -> list[str]:
        """Return what was left empty."""
        empty = [name for name, value in asdict(self).items() if not str(value).strip()]
        return [*empty, *(["count"] if self.count < 0 else [])]


@dataclass(frozen=True)
class Vote:
    """What one reviewer says of one file, with the bytes that were judged."""

    reviewer: str
    file: str
    sha256: str
    approves: bool


@dataclass(frozen=True)
class Candidate:
    """A release on its way through the gate."""

    profile: str
    number: int
    reviewers: int
    state: State = "draft"
    author: str = ""
    context: Context | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    votes: tuple[Vote, ...] = ()
    left: bool = False

    def approvals(self, file: str) -> frozenset[str]:
        """Return who approves a file as its bytes are now."""
        standing = [v for v in self._standing(file) if v.approves]
        return frozenset(vote.reviewer for vote in standing)

    def rejections(self, file: str) -> frozenset[str]:
        """Return who does not."""
        standing = [v for v in self._standing(file) if not v.approves]
        return frozenset(vote.reviewer for vote in standing)

    def waits_for(self) -> dict[str, int]:
        """Return how many approvals each file still lacks."""
        lacking = {f: self.reviewers - len(self.approvals(f)) for f in self.files}
        return {file: count for file, count in lacking.items() if count > 0}

    def _standing(self, file: str) -> list[Vote]:
        """Return the votes on a file that hold: of other bytes none does."""
        return [
            vote
            for vote in self.votes
            if vote.file == file and vote.sha256 == self.files.get(file)
        ]


def same_person(name: str) -> str:
    """Return a person's name as the gate compares it."""
    return " ".join(name.split()).casefold()


def fold(
    start: Candidate, decisions: Iterable[tuple[Kind, str, Mapping[str, Any]]]
) -> Candidate:
    """Return the candidate after decisions (what, by whom, on what facts)."""
    for kind, by, facts in decisions:
        start = decide(start, kind, by, facts)
    return start


def decide(
    candidate: Candidate, kind: Kind, by: str, facts: Mapping[str, Any]
) -> Candidate:
    """Return the candidate after one decision.

    Raises:
        GateRefused: It may not be taken in this state, or not by this person.
    """
    if not by.strip():
        raise _refused("NOBODY_NAMED", candidate, "a decision needs a person", "Say by")
    if candidate.state not in FROM[kind]:
        raise _refused(
            "NOT_IN_THIS_STATE",
            candidate,
            f"it is {candidate.state}, so it can't be {kind}",
            f"That follows on {' or '.join(sorted(FROM[kind]))}",
        )
    match kind:
        case "checked":
            return _checked(candidate, by, facts)
        case "voted":
            return _voted(candidate, Vote(same_person(by), **facts))
        case "changed":
            return replace(candidate, state="draft", files={}, votes=())
        case "released":
            return _released(candidate, facts["files"])
        case "withdrawn":
            return _withdrawn(candidate, facts)
        case "superseded":
            return replace(candidate, state="superseded")


def _checked(candidate: Candidate, by: str, facts: Mapping[str, Any]) -> Candidate:
    """Take a draft whose machine checks passed, with its context and files."""
    context = Context(**facts["context"])
    if lacking := context.lacking():
        raise _refused(
            "CONTEXT_MISSING",
            candidate,
            f"reviewers are not told {', '.join(lacking)}",
            "Say population, period, number of persons and related earlier release",
        )
    files = dict(facts["files"])
    if not files:
        raise _refused("NO_FILES", candidate, "it holds no file", "Build it again")
    if alien := sorted(name for name in files if not _is_allowed(name)):
        raise _refused(
            "FILE_TYPE_NOT_ALLOWED",
            candidate,
            f"{', '.join(alien)} may not leave",
            f"Allowed are {', '.join(sorted(ALLOWED_TYPES))} and Concord's documents",
        )
    return replace(
        candidate,
        state="checked",
        author=same_person(by),
        context=context,
        files=files,
        votes=(),
    )


def _is_allowed(name: str) -> bool:
    """Say whether a file may leave: by its type, or as a document of our own."""
    return name in OUR_DOCUMENTS or PurePosixPath(name).suffix in ALLOWED_TYPES


def _voted(candidate: Candidate, vote: Vote) -> Candidate:
    if vote.reviewer == candidate.author:
        raise _refused(
            "AUTHOR_VOTED",
            candidate,
            "its author can't review it",
            "Ask somebody else",
        )
    if vote.file not in candidate.files:
        raise _refused("NO_SUCH_FILE", candidate, f"no file '{vote.file}'", "Name one")
    if vote.sha256 != candidate.files[vote.file]:
        raise _refused(
            "FILE_CHANGED",
            candidate,
            f"'{vote.file}' is not what was checked",
            "Build the release again",
        )
    if vote in candidate.votes:
        raise _refused(
            "VOTED_ALREADY",
            candidate,
            f"this reviewer has said that of '{vote.file}'",
            "Ask another reviewer",
        )
    same = (vote.reviewer, vote.file)
    others = [v for v in candidate.votes if (v.reviewer, v.file) != same]
    return replace(candidate, votes=(*others, vote))


def _released(candidate: Candidate, files: Mapping[str, str]) -> Candidate:
    if dict(files) != dict(candidate.files):
        raise _refused(
            "FILE_CHANGED",
            candidate,
            "its files are not those that were checked and voted on",
            "Build the release again",
        )
    if rejected := sorted(f for f in files if candidate.rejections(f)):
        raise _refused(
            "REJECTED",
            candidate,
            f"reviewers do not approve {', '.join(rejected)}",
            "Mend the cause and build the release again, or ask them to vote again",
        )
    if waits := candidate.waits_for():
        raise _refused(
            "NOT_APPROVED",
            candidate,
            f"{len(waits)} files wait for up to {max(waits.values())} more reviewers",
            "Ask reviewers for concord release vote; the author can't be one",
        )
    return replace(candidate, state="released", left=True)


def _withdrawn(candidate: Candidate, facts: Mapping[str, Any]) -> Candidate:
    if not candidate.left:
        raise _refused(
            "NOT_IN_THIS_STATE",
            candidate,
            "it never left, so it can't be withdrawn",
            "There is nothing to do",
        )
    if not str(facts.get("reason", "")).strip():
        raise _refused("NO_REASON", candidate, "it needs a reason", "Say why")
    return replace(candidate, state="withdrawn")


def _refused(code: str, candidate: Candidate, detail: str, remedy: str) -> GateRefused:
    where = f"release {candidate.number} of {candidate.profile}"
    return GateRefused(code, f"{where}: {detail}", remedy)
