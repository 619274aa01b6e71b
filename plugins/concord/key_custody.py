"""Keys looked at before anything else is done: refused when missing, weak or open."""

from collections.abc import Iterator
from pathlib import Path

from concord.exceptions import KeyCustodyError
from concord.key_files import owner_only, read_key
from concord.sealing import KeyRing
from concord.steps import CONTENT, KEYMAPS, LANDED, LANDING, QUARANTINE, VAULT
from concord.zones import Zones


def check_keys(zones: Zones, keys: KeyRing) -> int:
    """Look at every key that this process has; returns how many there are.

    Raises:
        KeyCustodyError: A key is short, guessable or readable by others, or is missing
            although something is encrypted under it; a new one would not open that.
    """
    if not keys.handed_out:
        for name, example in _needed(zones):
            raise KeyCustodyError(
                f"{keys.folder / name}: the key is missing, and {example.name} is "
                "encrypted under it or was made with it. Restore it from custody"
            )
    files = sorted(p for p in keys.folder.iterdir() if p.is_file())
    for path in files:
        owner_only(path)
        if path.suffix == ".key":
            read_key(path)
    return sum(path.suffix != ".lock" for path in files)


def _needed(zones: Zones) -> Iterator[tuple[str, Path]]:
    """Yield each key that is missing although something needs it."""
    sealed = (
        (LANDED, zones.landing, "*.age"),
        (LANDING, zones.landing, "*.age"),
        (VAULT, zones.vault, "*.parquet"),
        (CONTENT, zones.content, "*.parquet"),
        (KEYMAPS, zones.content / "keymaps", "*.parquet"),
        (QUARANTINE, zones.quarantine, "*.parquet"),
    )
    for name, zone, pattern in sealed:
        if not (zones.keys / name).exists():
            yield from ((name, path) for path in zone.rglob(pattern))
    for profile in zones.releases.iterdir():
        ledger = zones.keys / f"release-{profile.name}.json"
        if not ledger.exists() and not ledger.with_suffix(".key").exists():
            yield from ((ledger.name, path) for path in profile.glob("r[0-9]*"))
