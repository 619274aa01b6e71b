"""The nightly scan: nobody of the vault stands in any artefact outside it.

What is scanned is everything under the data root, whatever it is, and the folders and
the database in which Airflow keeps logs and metadata. What is left out is named. The
same scan then has to see every identifier in the opened vault.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from concord.disclosure.control import Control, control, planted
from concord.disclosure.dictionary import Dictionary
from concord.disclosure.forms import KNOWN
from concord.disclosure.identifiers import Finding, files, scan_server
from concord.disclosure.searching import Artefact, KindResult, Looked, by_kind, search
from concord.exceptions import ConfigError
from concord.pipeline.county import County
from concord.pipeline.rehearsing import Rehearsal, rehearse
from concord.pipeline.states import states_as_of
from concord.validation.quarantine import Quarantine
from concord.validation.states import StateStore

SCANNED = "scanned"
DATABASE = "metadata database"
LEDGER = "ledger"
OTHERS_OWN = ("county", "agency_secrets")
"""What a demonstration's agencies keep in its data root: what they served."""
TEMPORARY = "tmp"
"""Where a demonstration keeps the temporary files of whatever it starts."""
FOR_THE_JUDGE = "vault/samples"
"""Samples of pairs, in the clear for whoever may see names and judges them."""

Planted = Sequence[Sequence[str]]
"""For each planted record, the strings that give it away."""


@dataclass(frozen=True)
class Scope:
    """What one scan looks through."""

    artefacts: tuple[Artefact, ...]
    servers: tuple[tuple[str, str], ...] = ()
    """Name and URL of databases that are not files."""
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Return how many bytes of files there are to look through."""
        return sum(artefact.size for artefact in self.artefacts)


@dataclass(frozen=True)
class Scan:
    """What a scan found, and whether it can see."""

    night: date
    forms: int
    kinds: tuple[KindResult, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]
    vault: Control
    planted: Control | None
    rehearsal: Rehearsal | None

    @property
    def clean(self) -> bool:
        """Say whether nothing was found by a scan that sees everything."""
        canaries = self.rehearsal.seen if self.rehearsal else None
        seen = (self.vault, self.planted, canaries)
        return not self.findings and all(one is None or one.passed for one in seen)


def everything(county: County) -> Scope:
    """Return all artefacts of a county: data root, Airflow's folders, databases."""
    settings, home = county.settings, county.zones.home
    left_out = [FOR_THE_JUDGE]
    if (home / "demo").exists():
        left_out += OTHERS_OWN
    skipped = tuple(home / name for name in left_out)
    found = [
        Artefact(_kind(county, path), path, home, _is_sealed(county, path))
        for path in files(home)
        if not path.is_relative_to(home / FOR_THE_JUDGE)
        and not any(path.is_relative_to(folder) for folder in skipped)
    ]
    for folder in settings.folders_to_scan:
        if not folder.is_relative_to(home):
            found += named(county, [folder]).artefacts
    servers = [(DATABASE, settings.scan_database)] if settings.scan_database else []
    if settings.ledger_url and not settings.ledger_url.startswith("sqlite"):
        servers.append((LEDGER, settings.ledger_url))
    there = tuple(name for name in left_out if (home / name).exists())
    return Scope(tuple(found), tuple(servers), there)


def named(county: County, paths: Iterable[Path]) -> Scope:
    """Return the artefacts in some folders or files that somebody names."""
    found = []
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: is not there, so it can't be scanned")
        base = path if path.is_dir() else path.parent
        found += [Artefact(_kind(county, one), one, base) for one in files(path)]
    return Scope(tuple(found))


def read_planted(path: Path | None) -> Planted:
    """Read planted records from JSON, a list of objects with 'tokens', if any."""
    if path is None:
        return ()
    try:
        found = [list(map(str, o["tokens"])) for o in json.loads(path.read_bytes())]
        if found:
            return found
        wrong = "it is empty"
    except (OSError, ValueError, LookupError, TypeError) as error:
        wrong = type(error).__name__
    raise ConfigError(
        f"{path}: is no list of planted records with 'tokens' ({wrong}). "
        "See docs/how-to/scan_for_leaks.md for its form"
    )


def scan_county(
    county: County,
    scope: Scope,
    *,
    known_planted: Planted = (),
    rehearsed: bool = False,
    tell: Callable[[int], None] = lambda _: None,
) -> Scan:
    """Look through artefacts for every identifier that the vault holds tonight.

    Args:
        county: The county whose vault is looked for.
        scope: What to look through.
        known_planted: Planted records: looked for too, and to be seen in the vault.
        rehearsed: Whether canaries walk through every feed first.
        tell: Is called with the bytes of each file that has been looked through.
    """
    night, tables = _opened(county)
    tokens = {token for record in known_planted for token in record}
    dictionary = Dictionary.from_vault(tables, tokens=tokens, key=_key(county))
    workers = county.settings.threads
    looked = search(scope.artefacts, dictionary, workers=workers, tell=tell)
    rehearsal = rehearse(county, night, _key(county)) if rehearsed else None
    looked += rehearsal.looked if rehearsal else ()
    for name, url in scope.servers:
        looked.append(Looked(name, 0, scan_server(name, url, dictionary)))
    made = Scan(
        night=night,
        forms=len(dictionary),
        kinds=by_kind(looked),
        findings=tuple(sorted(f for one in looked for f in one.findings)),
        left_out=scope.left_out,
        vault=control(dictionary, tables),
        planted=(
            planted(dictionary, known_planted, [*tables, *_waiting(county, night)])
            if known_planted
            else None
        ),
        rehearsal=rehearsal,
    )
    _record(county, made)
    return made


def _opened(county: County) -> tuple[date, list[pa.Table]]:
    """Return the newest night, and every vault table on which it stands."""
    nights = county.ledger.nights()
    if not nights:
        raise ConfigError(
            "the ledger knows no night yet, so there is nobody to look for. Run one "
            "night, or `concord demo`, first"
        )
    night = max(nights)
    tables = []
    for state in states_as_of(county, night):
        store = StateStore(county.zones, county.keys, state.feed)
        tables += [
            store.read_vault(state.state_id, name, KNOWN)
            for name in store.vault_tables(state.state_id)
        ]
    return night, tables


def _waiting(county: County, night: date) -> Iterator[pa.Table]:
    """Yield the rows that wait in quarantine, where planted records may be as well."""
    for state in states_as_of(county, night):
        quarantine = Quarantine(county.zones, county.keys, state.feed)
        yield from quarantine.read(state.state_id).values()


def _key(county: County) -> bytes:
    """Return the key of the findings' fingerprints: the same every night."""
    return hmac.digest(county.keys.zone_key("vault"), b"leak scan", "sha256")


def _kind(county: County, path: Path) -> str:
    """Say what kind of artefact a file is by where it lies and how it is called."""
    zones, name = county.zones, path.name
    if path.is_relative_to(zones.releases):
        if name.endswith(".parquet"):
            return "release: tables and footers"
        return "release: DuckDB file" if ".duckdb" in name else "release: documents"
    for folder, kind in (
        (zones.reports, "report site"),
        (zones.landing / "_journal", "journal"),
        (zones.landing, "landing, sealed"),
        (zones.quarantine, "quarantine, sealed"),
        (zones.vault, "vault, sealed"),
        (zones.content, "content, sealed"),
        (zones.errors, "errors, sealed"),
        (zones.keys, "keys"),
        (zones.scratch, "scratch and spilled data"),
        (zones.home / TEMPORARY, "temporary files"),
        *((folder, "temporary files") for folder in county.settings.temporary),
    ):
        if path.is_relative_to(folder):
            return kind
    if path.is_relative_to(zones.home) and name.startswith("ledger.db"):
        return LEDGER
    if name == "airflow.db" or name.startswith("airflow.db-"):
        return DATABASE
    if name.endswith(".log"):
        return "logs"
    return "rotated logs" if ".log." in name else "other files"


def _is_sealed(county: County, path: Path) -> bool:
    """Say whether a file lies where it has to be encrypted, so that it won't open."""
    zones = county.zones
    sealed = (zones.landing, zones.quarantine, zones.vault, zones.content)
    folders = (*sealed, zones.errors)
    return any(path.is_relative_to(folder) for folder in folders)


def _record(county: County, made: Scan) -> None:
    """Keep counts in the ledger: what was looked through and found, never where."""
    county.ledger.record_event(
        SCANNED,
        made.night,
        forms=made.forms,
        findings=len(made.findings),
        artefacts={one.kind: one.artefacts for one in made.kinds},
        vault_sought=made.vault.sought,
        vault_seen=made.vault.seen,
        canaries_seen=made.rehearsal.seen.seen if made.rehearsal else None,
    )
