"""Snapshots of an Ed-Fi host: copies of its data that stand still while they are read.

Hosts before 7.0 list theirs, and are told by identifier which one to read; later hosts
keep one and are asked to use it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from concord.transport.documents import Document
from concord.transport.edfi_host import VERSIONS, Urls, newest_version
from concord.transport.http import HttpVisit

Headers = Mapping[str, str]
LIVE: Headers = {}
ABSENT = frozenset({404, 410})
IDENTIFIER = re.compile(r"[!-~]{1,255}")
WHAT = "the list of snapshots"


def find_snapshot(
    visit: HttpVisit, urls: Urls, last: int
) -> tuple[bytes, Headers] | None:
    """Return the change versions of the newest usable snapshot, and what chooses it.

    One that is older than what was taken already is of no use, for it lacks changes
    of which we were told.
    """
    url = f"{urls.changes}/availableChangeVersions"
    for headers in _offered(visit, urls):
        reply = visit.get(url, VERSIONS, ok=ABSENT | {200}, headers=headers)
        if reply.status == 200 and newest_version(visit.feed, reply.body) >= last:
            return reply.body, headers
    return None


def _offered(visit: HttpVisit, urls: Urls) -> Iterator[Headers]:
    """Yield what chooses each snapshot that the host may have, newest first."""
    if urls.release < 7:
        for identifier in _listed(visit, urls):
            yield {"Snapshot-Identifier": identifier}
    if urls.release == 0 or urls.release > 5:
        yield {"Use-Snapshot": "true"}


def _listed(visit: HttpVisit, urls: Urls) -> list[str]:
    """Return the snapshots that a host lists to us, newest first; most list none."""
    ok = ABSENT | {200, 403}
    reply = visit.get(f"{urls.changes}/snapshots", WHAT, ok=ok)
    if reply.status != 200:
        return []
    listed = Document(visit.feed, WHAT, reply.body)
    items = sorted(listed.items(), key=_taken_at, reverse=True)
    found = listed.texts(items, "snapshotIdentifier")
    if not all(map(IDENTIFIER.fullmatch, found)):
        raise listed.problem("a snapshotIdentifier cannot stand in a header")
    return found


def _taken_at(item: Any) -> datetime:
    """Return when a snapshot was taken; one that does not say is the oldest."""
    told = item.get("snapshotDateTime") if isinstance(item, dict) else None
    try:
        taken = datetime.fromisoformat(str(told))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return taken if taken.tzinfo else taken.replace(tzinfo=UTC)
