"""What a fault is: a number, the feeds that can show it, and how each shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator.agencies import AGENCIES

# Feeds that send all tables in one zip, and its name.
ZIPPED: Mapping[str, str] = {
    feed: agency.zipped for feed, agency in AGENCIES.items() if agency.zipped
}
# How a feed is delivered decides what can go wrong on the way.
KINDS: Mapping[str, str] = {
    "police_rms": "sftp",
    "probation": "rest",
    "school": "edfi",
    "hospital": "fhir",
    **{feed: agency.kind for feed, agency in AGENCIES.items()},
}


@dataclass(frozen=True)
class Staged:
    """One night's files of one feed, and those of the night before if there are any."""

    feed: str
    folder: Path
    before: Path | None = None


Change = Callable[[Staged], None]


@dataclass(frozen=True)
class Effect:
    """How a feed shows a fault.

    ``damage`` changes the files before the manifest describes them, ``spoil`` after;
    ``by_server`` leaves them alone and lets the server misbehave on that night.
    """

    damage: Change | None = None
    spoil: Change | None = None
    by_server: bool = False
    withholds: bool = False


@dataclass(frozen=True)
class Fault:
    """A fault of the catalogue; ``names`` are other words for it, by feed."""

    number: str
    summary: str
    effects: Mapping[str, Effect]
    names: Mapping[str, str]

    @property
    def place(self) -> tuple[int, int]:
        """Return where it stands in the catalogue."""
        return "TFR".index(self.number[0]), int(self.number[1:])


def fault(
    number: str, summary: str, effects: Mapping[str, Effect | None], **names: str
) -> Fault:
    """Make a fault of effects that are given by feed or by kind of feed.

    A feed that can't show what others of its kind can is given None.
    """
    chosen = {
        feed: effects.get(feed, effects.get(kind)) for feed, kind in KINDS.items()
    }
    by_feed = {feed: effect for feed, effect in chosen.items() if effect is not None}
    return Fault(number, summary, by_feed, names)


def served(number: str, summary: str, *kinds: str) -> Fault:
    """Make a fault that the servers of these kinds of feed show by themselves."""
    return fault(number, summary, dict.fromkeys(kinds, Effect(by_server=True)))
