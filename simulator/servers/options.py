"""How the agencies' servers behave; tests turn these to provoke trouble."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

Intercept = Callable[[str, Request], Response | None]


@dataclass(frozen=True)
class ServerOptions:
    """Limits and habits of the servers.

    ``intercept`` sees every HTTP request first (feed, request) and may answer it;
    ``sftp_server`` takes the place of the police department's file server;
    ``snapshots`` are the nights of which the school keeps a copy, listed by
    identifier before ``edfi_version`` 7 and without from then on.
    """

    token_seconds: int = 300
    max_page: int = 500
    polls_before_ready: int = 1
    poll_seconds: int = 1
    rows_per_file: int = 10_000
    algorithm: Literal["ES384", "RS384"] = "ES384"
    oldest_change_version: int = 0
    edfi_version: str = "5.3"
    snapshots: tuple[date, ...] = ()
    one_export_at_a_time: bool = False
    intercept: Intercept | None = None
    sftp_server: type[Any] | None = None
