"""What a client must know about running servers: where they are, where secrets lie."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Endpoint(BaseModel):
    """One agency's server and the files that hold our secrets for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int
    login: str
    password_file: Path | None = None
    key_file: Path | None = None
    host_key: str | None = None
    kid: str | None = None
    algorithm: str | None = None


class ServersState(BaseModel):
    """All servers; holds paths of secrets, never a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    root: Path
    police_rms: Endpoint
    probation: Endpoint
    school: Endpoint
    hospital: Endpoint
    added: dict[str, Endpoint] = {}

    def endpoint(self, feed: str) -> Endpoint:
        """Return a feed's server."""
        found: Endpoint = self.added.get(feed) or getattr(self, feed)
        return found

    @classmethod
    def read(cls, path: Path) -> "ServersState":
        """Read a state file."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write a state file; a reader sees all of it or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(self.model_dump_json(indent=2) + "\n")
        fresh.replace(path)


def write_secret(folder: Path, name: str, secret: bytes) -> Path:
    """Keep a secret in a file that only its owner can read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    return path.resolve()
