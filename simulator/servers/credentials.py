"""Credentials that are made anew at every start, and the host key that stays."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from joserfc.jwk import ECKey, RSAKey

from simulator.agencies import AGENCIES
from simulator.servers.state import write_secret

LOGIN = "concord"
KID = "concord-1"


@dataclass(frozen=True)
class Credentials:
    """What the servers check, and the files from which a client logs in."""

    folder: Path
    police_password: str
    probation_secret: str
    school_secret: str
    host_key: asyncssh.SSHKey
    police_key: asyncssh.SSHKey
    hospital_key: RSAKey | ECKey
    added: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, algorithm: str) -> "Credentials":
        """Make credentials and write the client's half into the folder."""
        police_key = asyncssh.generate_private_key("ssh-ed25519")
        hospital_key = (
            RSAKey.generate_key(2048)
            if algorithm.startswith("RS")
            else ECKey.generate_key("P-384")
        )
        made = cls(
            folder=folder,
            police_password=secrets.token_urlsafe(24),
            probation_secret=secrets.token_urlsafe(24),
            school_secret=secrets.token_urlsafe(24),
            host_key=_host_key(folder),
            police_key=police_key,
            hospital_key=hospital_key,
            added={feed: secrets.token_urlsafe(24) for feed in AGENCIES},
        )
        write_secret(folder, "police_rms.password", made.police_password.encode())
        write_secret(folder, "police_rms.key", police_key.export_private_key())
        write_secret(folder, "probation.password", made.probation_secret.encode())
        write_secret(folder, "school.password", made.school_secret.encode())
        for feed, password in made.added.items():
            write_secret(folder, f"{feed}.password", password.encode())
        write_secret(folder, "hospital.pem", hospital_key.as_pem(private=True))
        return made

    def file(self, name: str) -> Path:
        """Return the path of a secret."""
        return (self.folder / name).resolve()

    @property
    def host_key_line(self) -> str:
        """Return the public host key as ``<type> <base64>``."""
        public: bytes = self.host_key.export_public_key("openssh")
        return " ".join(public.decode().split()[:2])


def _host_key(folder: Path) -> asyncssh.SSHKey:
    """Return the host key of earlier starts, or a new one that will stay."""
    path = folder / "police_rms.host_key"
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        write_secret(folder, path.name, key.export_private_key())
    return asyncssh.read_private_key(path)
