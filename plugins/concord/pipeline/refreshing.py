"""A full refresh: one delivery of everything, because changes can no longer be told.

The county approves it, with a reason and a name; the next delivery is then fetched from
the beginning, and what is absent from it is deleted. A check that succeeds uses it up.
"""

from datetime import date

from concord.contracts.models import Contract
from concord.exceptions import ConfigError
from concord.landing.archive import Archive
from concord.landing.ledger import Ledger
from concord.landing.records import Delivery, now
from concord.pipeline.county import County
from concord.transport.registry import read_spec

NAME = "full_refresh"


def approve_full_refresh(county: County, feed: str, *, reason: str, by: str) -> None:
    """Let a feed be read whole once; the ledger keeps who approved it and why."""
    contract = county.registry.contract(feed)
    if not read_spec(contract.id, contract.transport).refreshable:
        raise ConfigError(
            f"{feed}: a feed by {contract.transport['kind']!r} cannot be asked for "
            "everything. Ask the agency for a full extract"
        )
    if not reason.strip() or not by.strip():
        raise ConfigError(
            f"{feed}: reason {reason!r}, by {by!r}. Say why the feed is to be read "
            "whole, and who decides it"
        )
    county.ledger.remember(feed, NAME, f"{by}: {reason}")
    county.ledger.record_event(
        "full_refresh_approved", now().date(), feed, reason=reason, by=by
    )


def since(ledger: Ledger, contract: Contract, night: date) -> str | None:
    """Return how far a feed was taken before a night; nothing to read it whole."""
    if ledger.recall(contract.id, NAME):
        return None
    return ledger.watermark_before(contract.id, night)


def use_up(county: County, archive: Archive, checked: tuple[Delivery, ...]) -> None:
    """End an approval once a whole delivery has passed its check."""
    for delivery in checked:
        if (
            county.ledger.recall(delivery.feed, NAME)
            and archive.receipt(delivery).whole
        ):
            county.ledger.remember(delivery.feed, NAME, "")
            county.ledger.record_event(
                "full_refresh_done", delivery.night, delivery.feed, delivery=delivery.id
            )
