"""Faults that a demonstration can inject into one feed's delivery of one night."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """A fault: what it does to the staged files, or that it withholds them."""

    name: str
    feed: str
    summary: str
    damage: Callable[[Path], None]
    withholds: bool = False


def _leave_alone(folder: Path) -> None:
    """Change nothing."""


def _rename_birth_date(folder: Path) -> None:
    """Serve ``dob`` where the contract says ``birth_date``."""
    path = folder / "persons.ndjson"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"birth_date":', '"dob":'), encoding="utf-8")


def _cut_last_patient(folder: Path) -> None:
    """Cut the last Patient line in the middle, as a broken transfer does."""
    path = folder / "Patient.ndjson"
    content = path.read_bytes().rstrip(b"\n")
    start = content.rfind(b"\n") + 1
    path.write_bytes(content[: start + (len(content) - start) // 2])


FAULTS: Mapping[tuple[str, str], Fault] = {
    (fault.feed, fault.name): fault
    for fault in (
        Fault(
            "late",
            "police_rms",
            "the night's folder is withheld until it is released",
            _leave_alone,
            withholds=True,
        ),
        Fault(
            "renamed_column",
            "probation",
            "persons carry dob instead of birth_date",
            _rename_birth_date,
        ),
        Fault(
            "truncated_ndjson",
            "hospital",
            "the last Patient line is cut in the middle",
            _cut_last_patient,
        ),
    )
}


def find(feed: str, name: str) -> Fault:
    """Look a fault up; say which ones exist when it doesn't."""
    fault = FAULTS.get((feed, name))
    if fault is None:
        known = ", ".join(f"{f}:{n}" for f, n in sorted(FAULTS))
        raise ValueError(f"no fault {name!r} for feed {feed!r}; there are: {known}")
    return fault
