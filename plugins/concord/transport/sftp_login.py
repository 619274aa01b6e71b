"""Opening an SFTP connection: pinned host key, one try, no keys lying around."""

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from concord.transport.base import Connection
from concord.transport.problems import failed


def open_paramiko(
    feed: str, connection: Connection, *, timeout_seconds: float = 30
) -> paramiko.SFTPClient:
    """Log in once, to the server whose key the connection pins and to no other.

    With ``extra.key_file`` the password is that key's passphrase.
    """
    key_file = connection.extra.get("key_file")
    client = _client(feed, connection)
    try:
        client.connect(
            connection.host,
            port=connection.port or 22,
            username=connection.login,
            password=None if key_file else connection.password,
            key_filename=key_file,
            passphrase=connection.password if key_file else None,
            timeout=timeout_seconds,
            banner_timeout=timeout_seconds,
            auth_timeout=timeout_seconds,
            channel_timeout=timeout_seconds,
            allow_agent=False,
            look_for_keys=False,
        )
        return client.open_sftp()
    except (OSError, EOFError, paramiko.SSHException) as error:
        client.close()
        raise refusal(feed, error) from None


def refusal(feed: str, error: Exception) -> Exception:
    """Name the reason why there is no connection."""
    if isinstance(error, paramiko.BadHostKeyException):
        detail = "the server shows another host key than the pinned one"
        return failed("HOST_KEY_CHANGED", feed, detail)
    if isinstance(error, paramiko.AuthenticationException):
        return failed("LOGIN_REFUSED", feed, "the server refused the login")
    if isinstance(error, paramiko.PasswordRequiredException | FileNotFoundError):
        return failed("KEY_UNUSABLE", feed, "the connection's key_file cannot be used")
    detail = f"no SSH connection ({type(error).__name__})"
    return failed("UNREACHABLE", feed, detail)


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
