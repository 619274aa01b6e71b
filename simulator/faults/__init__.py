"""Every fault that an agency's server or files can show, by its number.

``FAULTS`` is the catalogue and ``find`` looks one up for a feed. Which one a server is
to show on a night is kept beside the files that it serves.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from simulator.faults import behaviours, delimited, deliveries, documents, values
from simulator.faults.model import KINDS, Effect, Fault, Staged

__all__ = [
    "ELSEWHERE",
    "FAULTS",
    "KINDS",
    "Effect",
    "Fault",
    "Staged",
    "find",
    "tell_server",
    "trouble_of",
]
# What neither a server nor a file can show, and who can.
ELSEWHERE: Mapping[str, str] = {
    "T6": "no host key is pinned: leave it out of the connection",
    "T34": "certificates: the servers speak no TLS, put a proxy in front of them",
    "T35": "no network: stop the servers",
    "R9": "a night on which clocks change: run Concord on that date",
    "R12": "a backfill while a night runs: start both",
}


def _merged(faults: Iterable[Fault]) -> dict[str, Fault]:
    """Bring together what different kinds of feed do to show the same fault."""
    found: dict[str, Fault] = {}
    for new in sorted(faults, key=lambda fault: fault.place):
        known = found.get(new.number)
        if known is None:
            found[new.number] = new
            continue
        found[new.number] = Fault(
            new.number,
            known.summary,
            {**new.effects, **known.effects},
            {**new.names, **known.names},
        )
    return found


FAULTS: Mapping[str, Fault] = _merged(
    (
        *behaviours.FAULTS,
        *deliveries.FAULTS,
        *delimited.FAULTS,
        *documents.FAULTS,
        *values.FAULTS,
    )
)


def find(feed: str, name: str) -> tuple[Fault, Effect]:
    """Look a fault up by number or name; say which ones a feed has when it doesn't."""
    if feed not in KINDS:
        raise ValueError(f"no feed {feed!r}; there are: {', '.join(sorted(KINDS))}")
    for fault in FAULTS.values():
        if feed in fault.effects and name in (fault.number, fault.names.get(feed)):
            return fault, fault.effects[feed]
    if name in ELSEWHERE:
        raise ValueError(f"{name} is not raised by the simulator: {ELSEWHERE[name]}")
    known = ", ".join(
        f"{number} ({f.names[feed]})" if feed in f.names else number
        for number, f in FAULTS.items()
        if feed in f.effects
    )
    raise ValueError(f"no fault {name!r} for feed {feed!r}; there are: {known}")


def tell_server(root: Path, feed: str, night: date, number: str) -> None:
    """Keep which fault a feed's server shows on a night; an empty one is none."""
    path = _path(root, feed, night)
    if not number:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(number + "\n", encoding="ascii")


def trouble_of(root: Path, feed: str, night: date | None) -> str:
    """Return which fault a feed's server shows on a night; empty if none."""
    if night is None:
        return ""
    try:
        return _path(root, feed, night).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _path(root: Path, feed: str, night: date) -> Path:
    return root / "troubles" / feed / f"{night.isoformat()}.txt"
