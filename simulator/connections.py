"""Connections to the simulator's servers, for Airflow and for use without it."""

import json
from typing import Any

from concord.transport.base import Connection
from simulator.agencies import AGENCIES
from simulator.servers.state import Endpoint, ServersState

CONN_TYPES = {
    "police_rms": "sftp",
    "probation": "http",
    "school": "http",
    "hospital": "http",
    **{f: "sftp" if a.kind == "sftp" else "http" for f, a in AGENCIES.items()},
}


def connections(state: ServersState) -> dict[str, Connection]:
    """Return a connection for each feed."""
    return {feed: _connection(feed, state.endpoint(feed)) for feed in CONN_TYPES}


def airflow_connections(state: ServersState) -> dict[str, str]:
    """Return ``AIRFLOW_CONN_<ID>`` environment variables with the same connections."""
    return {
        f"AIRFLOW_CONN_{feed.upper()}": json.dumps(
            {
                "conn_type": CONN_TYPES[feed],
                "host": connection.host,
                "port": connection.port,
                "login": connection.login,
                "password": connection.password,
                "extra": dict(connection.extra),
            }
        )
        for feed, connection in connections(state).items()
    }


def _connection(feed: str, endpoint: Endpoint) -> Connection:
    """Make one connection, reading its secret."""
    password = endpoint.password_file.read_text() if endpoint.password_file else None
    return Connection(
        host=endpoint.host,
        port=endpoint.port,
        login=endpoint.login,
        password=password,
        extra=_extra(feed, endpoint),
    )


def _extra(feed: str, endpoint: Endpoint) -> dict[str, Any]:
    """Return what the protocol needs beyond login and password."""
    if endpoint.host_key is not None:
        return {"host_key": endpoint.host_key}
    if feed == "hospital":
        return {
            "schema": "http",
            "private_key_file": str(endpoint.key_file),
            "kid": endpoint.kid,
            "algorithm": endpoint.algorithm,
        }
    return {"schema": "http"}
