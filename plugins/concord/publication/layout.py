"""Names inside a releases folder, and the settings every file of it shares.

```
<releases>/<profile>/
  CURRENT -> r000002            what analysts open
  r000002/                      one release: never changed after it appeared
    <table>/part-00000.parquet
    manifest.json  manifest.sig
    dictionary.json  dictionary.md  dictionary.html
    README.md  CHANGES.md  catalog.duckdb
  creation/r000002.jsonl        when and by which run it was built, and rebuilt
  approvals/r000002.json .sig   who approved it, file by file, where that is asked for
  withdrawn/r000001.json        that a release was withdrawn; its folder is closed
  .candidates/r000003/          waits for approval; closed to readers
  manifest.pub                  public key of the signatures
```
"""

import re
from pathlib import Path

from concord.exceptions import ConfigError

CURRENT = "CURRENT"
CREATION = "creation"
APPROVALS = "approvals"
WITHDRAWN = "withdrawn"
CANDIDATES = ".candidates"
PUBLIC_KEY = "manifest.pub"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
CATALOG = "catalog.duckdb"
README = "README.md"
CHANGES = "CHANGES.md"
PART = "part-00000.parquet"
STAGING = ".staging-"
LOCK = ".lock"

FOLDER_MODE = 0o750
FILE_MODE = 0o440

_RELEASE = re.compile(r"r(\d{6,})")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def release_name(number: int) -> str:
    """Return the name of a release's folder."""
    return f"r{number:06}"


def release_number(name: str) -> int | None:
    """Return the number in a release's name; None for other names."""
    match = _RELEASE.fullmatch(name)
    return int(match.group(1)) if match else None


def checked_name(kind: str, name: str) -> str:
    """Refuse a profile or table name that could not be a plain folder everywhere."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{kind} {name!r}: use lower-case letters, digits, _ and -, "
            "beginning with a letter"
        )
    return name


def release_folders(profile: Path) -> list[tuple[int, Path]]:
    """Return the releases of a profile with their numbers, oldest first."""
    if not profile.is_dir():
        return []
    found = ((release_number(path.name), path) for path in profile.iterdir())
    return sorted((number, path) for number, path in found if number is not None)
