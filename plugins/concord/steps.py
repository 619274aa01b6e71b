"""Which step holds which keys, and so may open which zone: said here and nowhere else.

Two steps hold both the key of the vault and that of content: the check, which splits a
delivery into who and what, and the linking of assaults by place, time, age and sex.
"""

from collections.abc import Mapping
from enum import StrEnum


class Step(StrEnum):
    """A step of a night."""

    LAND = "land"
    CHECK = "check"
    LINK = "link"
    ASSAULTS = "assaults"
    KEYMAP = "keymap"
    ASSEMBLE = "assemble"
    GATE = "gate"
    SCAN = "scan"
    REPORT = "report"


LANDED = "landing.recipient"
LANDING = "landing.identity"
VAULT = "zone-vault.key"
CONTENT = "zone-content.key"
QUARANTINE = "zone-quarantine.key"
KEYMAPS = "zone-keymaps.key"
RELEASE = "release"
MANIFEST = "manifest.key"
STEWARD = "steward.recipient"

HOLDS: Mapping[Step, frozenset[str]] = {
    step: frozenset({*keys, STEWARD})
    for step, keys in {
        Step.LAND: {LANDED},
        Step.CHECK: {LANDING, VAULT, CONTENT, QUARANTINE},
        Step.LINK: {VAULT},
        Step.ASSAULTS: {VAULT, CONTENT},
        Step.KEYMAP: {VAULT, KEYMAPS, RELEASE},
        Step.ASSEMBLE: {CONTENT, KEYMAPS, RELEASE, MANIFEST},
        Step.GATE: {VAULT},
        Step.SCAN: {VAULT, QUARANTINE},
        Step.REPORT: (),
    }.items()
}
"""The keys of each step; every step can seal an error to the steward."""
