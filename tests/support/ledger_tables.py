"""Every table of a ledger as rows, to compare one ledger with another."""

from typing import Any

import sqlalchemy as sa

from concord.landing.ledger import Ledger
from concord.landing.schema import metadata

BEGIN_ANEW = {
    "feed_lock": "who was at work, and tokens that refuse him who slept: nobody is now",
}
"""Tables that a rebuilt ledger can't have as they were, with the reason."""


def tables(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table that can come back, in a fixed order."""
    with ledger.engine.connect() as connection:
        return {
            name: sorted(
                (dict(r) for r in connection.execute(sa.select(table)).mappings()),
                key=lambda row: repr(list(row.values())),
            )
            for name, table in metadata.tables.items()
            if name not in BEGIN_ANEW
        }


def without_rebuilding(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return tables without the event that says that the ledger was rebuilt."""
    events = [e for e in found["audit_event"] if e["kind"] != "ledger_rebuilt"]
    return {**found, "audit_event": events}
