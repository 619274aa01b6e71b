"""Opening an SFTP connection: pinned host key, one login, no keys lying around."""

import io
from typing import Any

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
)
from tenacity.wait import wait_random_exponential

from concord.exceptions import DataError
from concord.transport.base import Connection
from concord.transport.problems import failed
from concord.transport.sftp_names import AnyNames
from concord.transport.specs import SftpSpec

KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
LONGEST_WAIT = 20


def open_paramiko(
    feed: str, spec: SftpSpec, connection: Connection
) -> paramiko.SFTPClient:
    """Log in to the server whose key the connection pins and to no other.

    A server that is too busy to talk is tried again after growing, random waits; a
    refused login never is, so that no account is locked.
    """
    busy = Retrying(
        retry=retry_if_exception_type(_BusyError),
        stop=stop_after_attempt(1 + spec.retries)
        | stop_after_delay(spec.deadline_seconds),
        wait=wait_random_exponential(spec.backoff_seconds, max=LONGEST_WAIT),
        reraise=True,
    )
    problem: Exception
    try:
        return busy(_connect, feed, spec, connection)
    except _BusyError as error:
        problem = error.reason
    except (OSError, EOFError, paramiko.SSHException) as error:
        problem = error
    raise refusal(feed, problem)


def refusal(feed: str, error: Exception) -> DataError:
    """Name the reason why there is no connection."""
    if isinstance(error, paramiko.BadHostKeyException):
        detail = "the server shows another host key than the pinned one"
        return failed("HOST_KEY_CHANGED", feed, detail)
    if isinstance(error, paramiko.PasswordRequiredException | FileNotFoundError):
        return failed("KEY_UNUSABLE", feed, "the connection's key cannot be used")
    if isinstance(error, paramiko.AuthenticationException):
        return failed("LOGIN_REFUSED", feed, "the server refused the login")
    detail = f"no SSH connection ({type(error).__name__})"
    return failed("UNREACHABLE", feed, detail)


class _BusyError(Exception):
    """A server hung up before it had looked at who we are."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(type(reason).__name__)
        self.reason = reason


def _connect(feed: str, spec: SftpSpec, connection: Connection) -> paramiko.SFTPClient:
    """Connect and log in once."""
    client, timeout = _client(feed, connection), spec.timeout_seconds
    try:
        client.connect(
            connection.host,
            port=connection.port or 22,
            username=connection.login,
            timeout=timeout,
            banner_timeout=timeout,
            auth_timeout=timeout,
            channel_timeout=timeout,
            allow_agent=False,
            look_for_keys=False,
            **_proof(connection),
        )
        return _open_sftp(client)
    except (OSError, EOFError, paramiko.SSHException) as error:
        transport = client.get_transport()
        client.close()
        if transport is not None and transport.initial_kex_done:
            raise  # the login may have been offered: once is all we try
        if isinstance(error, TimeoutError):
            raise
        raise _BusyError(error) from None


def _open_sftp(client: paramiko.SSHClient) -> paramiko.SFTPClient:
    """Open SFTP over a connection that is logged in."""
    transport = client.get_transport()
    sftp = None if transport is None else AnyNames.from_transport(transport)
    if sftp is None:
        raise paramiko.SSHException("no channel")
    return sftp


def _proof(connection: Connection) -> dict[str, Any]:
    """Return what we log in with: a key, whose passphrase the password is, or that."""
    passphrase = connection.password or None
    if key_file := connection.extra.get("key_file"):
        return {"key_filename": key_file, "passphrase": passphrase}
    if text := connection.extra.get("private_key"):
        return {"pkey": _private_key(str(text), passphrase)}
    return {"password": connection.password}


def _private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """Read a private key that stands in the connection itself."""
    for kind in KEY_TYPES:
        try:
            return kind.from_private_key(io.StringIO(text), passphrase)
        except (paramiko.SSHException, ValueError):
            continue
    raise paramiko.PasswordRequiredException("unusable")


def _client(feed: str, connection: Connection) -> paramiko.SSHClient:
    """Return a client that knows one host key: the connection's."""
    port = connection.port or 22
    name = connection.host if port == 22 else f"[{connection.host}]:{port}"
    pinned = " ".join(str(connection.extra.get("host_key") or "").split()[:2])
    try:
        entry = HostKeyEntry.from_line(f"{name} {pinned}") if pinned else None
    except (InvalidHostKey, ValueError, paramiko.SSHException):
        entry = None
    if entry is None:
        raise failed("HOST_KEY_MISSING", feed, "the connection pins no usable host key")
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.get_host_keys().add(name, entry.key.get_name(), entry.key)
    return client
