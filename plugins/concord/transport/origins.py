"""Whose address it is: credentials and requests keep to known origins."""

from urllib.parse import urlsplit


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of an address; None for one not to be trusted."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if "@" in parts.netloc or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port
