"""A PostgreSQL of our own on a socket in a temporary folder, stopped at the end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
USER = "postgres"  # initdb refuses root


def missing() -> str | None:
    """Say why no PostgreSQL can be started here, if so."""
    if not BINARIES:
        return "PostgreSQL's server is not installed"
    if (
        os.getuid() == 0
        and subprocess.run(["id", USER], capture_output=True).returncode
    ):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def server() -> Iterator[str]:
    """Start a server without a network; gives the URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="concord-pg-"))
    user = USER if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *options: str) -> None:
        subprocess.run(
            [str(BINARIES[-1] / program), "-D", str(folder / "data"), *options],
            user=user, check=True, capture_output=True, timeout=60, cwd=folder,
        )  # fmt: skip

    run("initdb", "-N", "-A", "trust", "-U", USER)
    quick = f"-F -k {folder} -c listen_addresses=''"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", quick, "start")
    try:
        yield f"postgresql+psycopg2://{USER}@/{USER}?host={folder}"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)
