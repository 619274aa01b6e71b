"""What every transport takes, gives back and promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO, Literal, Protocol

# Kinds whose deliveries lie under a night that the agency wrote on them.
NAMED_BY_AGENCY = frozenset({"sftp", "folder"})

Role = Literal["rows", "deletes", "key_changes", "manifest"]


@dataclass(frozen=True)
class Connection:
    """How to reach one agency's system and prove who we are; repr hides secrets.

    ``extra`` holds ``schema`` (``https`` unless said otherwise), ``url``,
    ``storage_options``, ``host_key``, ``key_file``, ``private_key``,
    ``private_key_file``, ``kid``, ``algorithm``, ``ca_file``,
    ``proxy`` and ``allowed_origins``: whichever the transport needs.
    """

    host: str
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def origin(self) -> str:
        """Return scheme, host and port as a URL without a path."""
        scheme = self.extra.get("schema") or "https"
        port = f":{self.port}" if self.port else ""
        return f"{scheme}://{self.host}{port}"


@dataclass(frozen=True)
class Part:
    """One piece of a delivery before it is stored: a file or a page.

    The name is made by Concord, never taken from the agency's system. ``table`` is
    the contract's physical name; a manifest belongs to the table ``manifest``, a
    list of deletions that covers all tables to ``deleted``, and a zip that holds
    several tables to ``archive``.
    """

    name: str
    table: str
    role: Role
    rows: int | None = None


@dataclass(frozen=True)
class StoredPart:
    """One piece of a delivery as the sink has stored it."""

    name: str
    table: str
    role: Role
    sha256: str
    bytes: int


class Sink(Protocol):
    """Where bytes go: landing hashes and encrypts them while they stream."""

    def store(self, part: Part, stream: BinaryIO) -> StoredPart:
        """Keep every byte of the stream, or nothing and let its error pass."""
        ...

    def discard(self) -> None:
        """Forget every part so far: the delivery begins anew."""
        ...


@dataclass(frozen=True)
class Drop:
    """One delivery that an agency offers for a night.

    ``cursor`` is how far earlier deliveries reached (empty: none were taken);
    ``source`` says where it lies, for the receipt.
    """

    night: date
    source: str
    cursor: str


@dataclass(frozen=True)
class Fetched:
    """A delivery that is wholly in the sink, reconciled with the agency's counts.

    ``rows_expected`` counts rows (not deletions) a table; keep ``cursor`` once the
    delivery is landed and pass it to the next ``offered``. ``whole`` says that these
    are all rows there are, not changes: what is absent does not exist.
    """

    parts: tuple[StoredPart, ...]
    rows_expected: Mapping[str, int]
    cursor: str
    source: str
    whole: bool = False


class Transport(Protocol):
    """One way of fetching deliveries."""

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """List deliveries up to the night that were not taken yet, oldest first."""
        ...

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring one delivery into the sink; raises DataError if in any doubt."""
        ...
