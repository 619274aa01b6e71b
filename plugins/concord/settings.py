"""Settings, read from the environment (``CONCORD_…``) with defaults that work."""

import os
import secrets
from datetime import date
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Where Concord keeps its data and what it may use.

    Every field can be set as ``CONCORD_<NAME>``, e.g. ``CONCORD_HOME=/srv/concord``.
    """

    model_config = SettingsConfigDict(
        env_prefix="CONCORD_", frozen=True, extra="forbid"
    )

    home: Path = Field(
        default=PROJECT / ".concord", description="The data root: all zones."
    )
    project: Path = Field(
        default=PROJECT, description="Where include/ and expectations/ lie."
    )
    ledger_url: str = Field(
        default="", description="SQLAlchemy URL; empty means SQLite under home."
    )
    threads: int = Field(default=2, ge=1, description="DuckDB threads a step may use.")
    memory_limit: str = Field(
        default="4GB", description="DuckDB memory a step may use."
    )
    schedule_from: date = Field(
        default=date(2026, 1, 1),
        description="First night that Airflow schedules by itself.",
    )
    retries: int = Field(
        default=2, ge=0, description="How often a task is tried again."
    )
    late_retries: int = Field(
        default=12, ge=0, description="How often a feed that is late is asked again."
    )
    retry_seconds: int = Field(
        default=600, ge=1, description="Wait before a feed that is late is asked again."
    )
    lock_seconds: float = Field(
        default=60, gt=0, description="When the lock of a run that died ends."
    )
    gazetteer: Path | None = Field(
        default=None, description="The site's address file; places are matched to it."
    )
    linkage_key: Path | None = Field(
        default=None, description="The file of the key of linkage without names."
    )
    keys: Path | None = Field(
        default=None, description="A folder of keys handed out to this process alone."
    )
    step_queues: bool = Field(
        default=False, description="Whether each step has a queue of workers to itself."
    )
    key_encryption: str = Field(
        default="", description="What wraps the keys of releases, and where it is."
    )
    scan_folders: str = Field(
        default="",
        description="Folders outside home that the leak scan reads, parted by ':'; "
        "empty: AIRFLOW_HOME and TMPDIR, where they are set.",
    )
    scan_database: str = Field(
        default="",
        description="SQLAlchemy URL of Airflow's metadata database, for the leak scan.",
    )
    planted: Path | None = Field(
        default=None, description="JSON list of planted records, with their 'tokens'."
    )
    county: str = Field(default="Springfield County", description="Shown in reports.")

    @property
    def ledger(self) -> str:
        """Return the ledger's SQLAlchemy URL."""
        return self.ledger_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def folders_to_scan(self) -> tuple[Path, ...]:
        """Return the folders outside the data root that the leak scan reads."""
        named = self.scan_folders.split(os.pathsep) if self.scan_folders else ()
        if not named:
            airflow = os.environ.get("AIRFLOW_HOME")
            return (*((Path(airflow),) if airflow else ()), *self.temporary)
        return tuple(Path(name) for name in named)

    @property
    def temporary(self) -> tuple[Path, ...]:
        """Return the folder of temporary files, where one was named for Concord."""
        return (Path(os.environ["TMPDIR"]),) if os.environ.get("TMPDIR") else ()

    @property
    def include(self) -> Path:
        """Return the folder of contracts, profiles, code lists and SQL."""
        return self.project / "include"

    @property
    def expectations(self) -> Path:
        """Return the folder of expectation suites."""
        return self.project / "expectations"


def new_key() -> str:
    """Make a random 128-bit key, written as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_keys(count: int) -> list[str]:
    """Make many random 128-bit keys from one read of the system's generator."""
    digits = secrets.token_bytes(16 * count).hex()
    return [digits[i : i + 32] for i in range(0, 32 * count, 32)]
