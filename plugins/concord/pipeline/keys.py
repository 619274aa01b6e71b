"""What is done about keys, with a line in the ledger for each."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from concord.exceptions import ConfigError, KeyCustodyError
from concord.key_encryption import FILE
from concord.landing.records import now
from concord.pipeline.county import County
from concord.pipeline.publishing import keymaps_of
from concord.publication.layout import release_folders
from concord.release_keys import KeyEntry
from concord.steps import HOLDS, RELEASE, STEWARD, Step
from concord.zones import PRIVATE


def ledgers(county: County) -> Iterator[KeyEntry]:
    """Yield what the key ledgers of every profile say, profile by profile."""
    for profile in sorted(county.registry.profiles):
        yield from county.keys.release_keys(profile).entries()


def rotate_key(county: County, profile: str, *, reason: str, by: str) -> list[str]:
    """Begin a new epoch of a profile's tokens; returns what that changes, in words."""
    _decided(county, profile, reason, by)
    keys = county.keys.release_keys(profile)
    before = keys.entries()
    fresh = keys.rotate(now())
    _record(county, "key_rotated", fresh, reason, by)
    releases = release_folders(county.zones.releases / profile)
    said = [f"{profile}: tokens of epoch {fresh.epoch} begin with the next release"]
    if releases:
        last = releases[-1][1].name
        said += [
            f"Every token changes. Releases up to {last} keep theirs, and none of them "
            "can be joined by token with a later one",
            "The next release's successions lead from no token of an earlier release, "
            "so files that analysts keep can't be carried over. Tell them before",
        ]
    if before:
        retired = fresh.model_copy(update={"epoch": before[-1].epoch}).name
        said.append(
            f"The key {retired} is retired, not destroyed. When no release made "
            "under it is to be made again: concord keys destroy"
        )
    return said


def retire_key(county: County, profile: str, *, reason: str, by: str) -> None:
    """Let no release of a profile be made under the keys that there are."""
    _decided(county, profile, reason, by)
    entries = county.keys.release_keys(profile).retire(now())
    if not entries:
        raise KeyCustodyError(f"release '{profile}' has no key yet")
    _record(county, "key_retired", entries[-1], reason, by)


@dataclass(frozen=True)
class Destroyed:
    """What was destroyed with a key."""

    check: str
    keymaps: int


def destroy_key(
    county: County, profile: str, epoch: str, *, reason: str, by: str
) -> Destroyed:
    """Destroy a retired key and every keymap made under it: no token can be remade."""
    _decided(county, profile, reason, by)
    entry = county.keys.release_keys(profile).destroy(epoch, now())
    folder = keymaps_of(county.zones, profile, epoch)
    keymaps = len(list(folder.glob("[0-9]*"))) if folder.is_dir() else 0
    if folder.is_dir():
        shutil.rmtree(folder)
    _record(county, "key_destroyed", entry, reason, by)
    return Destroyed(entry.check, keymaps)


def hand_out_keys(county: County, steps: Sequence[Step], to: Path) -> list[str]:
    """Copy the keys of some steps to a new folder; returns the files' names."""
    if to.exists() or to.resolve().is_relative_to(county.settings.home.resolve()):
        raise ConfigError(f"{to}: name a new folder, outside the data root")
    wanted = {name for step in steps for name in HOLDS[step]} | {STEWARD}
    for name in wanted - {RELEASE}:
        county.keys.made(name)
    names = sorted(wanted - {RELEASE})
    if RELEASE in wanted:
        for profile in sorted(county.registry.profiles):
            county.keys.release_key(profile)
            names.append(f"release-{profile}.json")
        if (county.keys.folder / FILE).exists():
            names.append(FILE)
    to.mkdir(parents=True, mode=PRIVATE)
    for name in names:
        shutil.copy2(county.keys.folder / name, to / name)
    return names


def _decided(county: County, profile: str, reason: str, by: str) -> None:
    """Refuse what is about no profile of the county's, or has no reason or role."""
    county.registry.profile(profile)
    if not reason.strip() or not by.strip():
        raise ConfigError("a decision about keys needs a reason and a role")


def _record(county: County, kind: str, entry: KeyEntry, reason: str, by: str) -> None:
    facts = {"epoch": entry.epoch, "check": entry.check, "reason": reason, "by": by}
    county.ledger.record_event(kind, now().date(), profile=entry.profile, **facts)
