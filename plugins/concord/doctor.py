"""What is open, missing or wrong on this machine, with the remedy for each."""

import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from concord.contracts.registry import load_registry
from concord.exceptions import ConcordError
from concord.key_custody import check_keys
from concord.landing.ledger import Ledger
from concord.landing.records import now
from concord.linkage.places import read_gazetteer
from concord.linkage.settings import load_model
from concord.pipeline.county import key_ring
from concord.settings import Settings
from concord.transport.registry import read_spec
from concord.zones import PRIVATE, READABLE, Zones

MINIMUM_FREE_BYTES = 2 << 30
LONGEST_STEP = timedelta(days=1)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    fine: bool
    detail: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that a night needs, without changing anything."""
    yield _python()
    yield _tried("contracts", lambda: _contracts(settings))
    yield from _expired(settings)
    yield _tried("linkage model", lambda: _model(settings))
    gazetteer = settings.gazetteer
    if gazetteer is not None:
        yield _tried("gazetteer", lambda: _gazetteer(gazetteer))
    yield _disk(settings)
    zones = Zones(settings.home)
    if not zones.keys.is_dir():
        yield Finding("data root", True, f"{settings.home} is not in use yet")
        return
    yield _mode("data root", zones.home, READABLE)
    for path, mode in zones.modes().items():
        if path.is_dir():
            yield _mode(f"zone {path.name}", path, mode)
            if mode == PRIVATE:
                yield from _open_files(path)
    yield from _left_behind(zones)
    yield _tried("keys", lambda: _keys(settings, zones))
    yield _tried("ledger", lambda: _ledger(settings))


def _tried(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except ConcordError as error:
        return Finding(subject, False, str(error))


def _python() -> Finding:
    fine = sys.version_info >= (3, 11)
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", fine, found if fine else f"{found}; 3.11 is needed")


def _contracts(settings: Settings) -> str:
    registry = load_registry(settings)
    for contract in registry.contracts.values():
        read_spec(contract.id, contract.transport)
    names = ", ".join(sorted(registry.contracts))
    return f"{len(registry.contracts)} contracts are valid: {names}"


def _expired(settings: Settings) -> Iterator[Finding]:
    """Yield the exemptions and overrides that have no effect any more."""
    try:
        decisions = load_registry(settings).decisions
    except ConcordError:
        return  # told of under contracts
    for feed, decided in decisions.items():
        for expired in decided.expired(now().date()):
            yield Finding(
                f"{expired.kind} of {feed}",
                False,
                f"'{expired.rule}' expired on {expired.expires} and has no effect; "
                f"renew it or take it out of include/{expired.kind}s/{feed}.yaml",
            )


def _model(settings: Settings) -> str:
    return f"version {load_model(settings.include / 'linkage').version}"


def _gazetteer(path: Path) -> str:
    return f"{read_gazetteer(path).addresses.num_rows:,} addresses in {path}"


def _disk(settings: Settings) -> Finding:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    fine = free >= MINIMUM_FREE_BYTES
    remedy = "" if fine else "; make room before the next night"
    return Finding("disk", fine, f"{free / 2**30:.1f} GiB free at {folder}{remedy}")


def _mode(subject: str, path: Path, mode: int) -> Finding:
    """Say whether a folder is open to more than it should be."""
    found = stat.S_IMODE(path.stat().st_mode)
    fine = found & ~mode == 0
    remedy = "" if fine else f"; run: chmod {mode:04o} {path}"
    return Finding(subject, fine, f"mode {found:04o}{remedy}")


def _open_files(zone: Path) -> Iterator[Finding]:
    """Yield how many things in a private zone others could read, if any."""
    found = [
        path
        for path in zone.rglob("*")
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if found:
        yield Finding(
            f"zone {zone.name}",
            False,
            f"{len(found)} files or folders that others could read, such as "
            f"{found[0].relative_to(zone)}; run: chmod -R go= {zone}",
        )


def _left_behind(zones: Zones) -> Iterator[Finding]:
    """Yield what steps that were killed left in scratch, where it is in the clear."""
    latest = now().timestamp() - LONGEST_STEP.total_seconds()
    folders = zones.scratch.iterdir() if zones.scratch.is_dir() else ()
    old = [path for path in folders if path.stat().st_mtime < latest]
    if old:
        yield Finding(
            "scratch",
            False,
            f"{len(old)} folders of steps that died, maybe with identities, such as "
            f"{old[0].name}; if no step runs, run: rm -r {zones.scratch}/*",
        )


def _keys(settings: Settings, zones: Zones) -> str:
    ring = key_ring(settings)
    kept = "" if ring.handed_out else _stewards(ring.folder)
    return f"{check_keys(zones, ring)} keys, random and owner only{kept}"


def _stewards(folder: Path) -> str:
    """Say that the key that opens sealed errors is here, where it is."""
    here = (folder / "steward.identity").exists()
    return "; the steward's key is here: best moved to its holder" if here else ""


def _ledger(settings: Settings) -> str:
    ledger = Ledger(settings.ledger)
    try:
        return f"{len(ledger.nights())} nights recorded"
    finally:
        ledger.close()
