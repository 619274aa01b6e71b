"""What arrived on a night, and what became of its rows."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.landing.records import Delivery, TableCount
from concord.reporting.counts import protect, total
from concord.reporting.model import Arrival, Fate, Waiting

_KINDS = {
    "sftp": "SFTP",
    "rest": "REST API",
    "edfi": "Ed-Fi API",
    "fhir_bulk": "FHIR bulk export",
}


def landed_on(ledger: Ledger, feed: str, night: date) -> tuple[Delivery, ...]:
    """Return a feed's deliveries that landed on a night, for it or an earlier one."""
    deliveries = ledger.deliveries(feed, until=night)
    return tuple(d for d in deliveries if d.landed_on == night)


def agency_of(registry: Registry, feed: str) -> str:
    """Name a feed's agency; a feed whose contract is gone goes by its own name."""
    contract = registry.contracts.get(feed)
    return contract.agency if contract else feed


def arrivals(
    ledger: Ledger, registry: Registry, feeds: Iterable[str], night: date
) -> tuple[Arrival, ...]:
    """Return the deliveries that landed on a night."""
    return tuple(
        _arrival(registry, delivery)
        for feed in feeds
        for delivery in landed_on(ledger, feed, night)
    )


def waiting(
    ledger: Ledger, registry: Registry, feeds: Iterable[str], night: date
) -> tuple[Waiting, ...]:
    """Return the deliveries that landed before a night and are held to this day."""
    codes = {(n.feed, n.night): n.code for n in ledger.feed_nights()}
    return tuple(
        Waiting(
            feed=feed,
            agency=agency_of(registry, feed),
            night=delivery.night,
            landed_on=delivery.landed_on,
            rows=delivery.rows,
            code=codes.get((feed, delivery.landed_on)),
        )
        for feed in feeds
        for delivery in ledger.deliveries(feed, until=night)
        if delivery.state == "held" and delivery.landed_on < night
    )


def _arrival(registry: Registry, delivery: Delivery) -> Arrival:
    contract = registry.contracts.get(delivery.feed)
    agreement = registry.agreements.get(delivery.agreement)
    kind = str(contract.transport["kind"]) if contract else "unknown"
    zone = ZoneInfo(contract.timezone) if contract else UTC
    return Arrival(
        feed=delivery.feed,
        agency=agency_of(registry, delivery.feed),
        night=delivery.night,
        state=delivery.state,
        source_kind=_KINDS.get(kind, kind),
        files=delivery.files,
        bytes=delivery.bytes,
        rows=delivery.rows,
        contract_version=delivery.contract_version,
        agreement=delivery.agreement,
        agreement_version=delivery.agreement_version,
        agreement_end=agreement.end if agreement else None,
        landed_at=_aware(delivery.landed_at).astimezone(zone),
    )


def _aware(at: datetime) -> datetime:
    """Read a time of the ledger: SQLite forgets that it is UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def fates(ledger: Ledger, feeds: Iterable[str], night: date) -> tuple[Fate, ...]:
    """Return what became of the rows that landed on a night, by delivery and table."""
    return tuple(
        _fate(delivery, count)
        for feed in feeds
        for delivery in landed_on(ledger, feed, night)
        for count in ledger.table_counts(delivery.id)
    )


def _fate(delivery: Delivery, count: TableCount) -> Fate:
    return Fate(
        feed=delivery.feed,
        night=delivery.night,
        state=delivery.state,
        table=count.table_name,
        received=count.received,
        published=count.published,
        quarantined=count.quarantined,
        rejected=count.rejected,
        superseded=count.superseded,
        deleted=protect(count.deleted),
        reconciles=count.reconciles,
    )


def fate_total(fates: Sequence[Fate], feed: str, night: date) -> Fate:
    """Add up what became of the rows of several tables; it reconciles if all do."""
    counts = TableCount(
        table_name="all tables",
        received=sum(f.received for f in fates),
        published=sum(f.published for f in fates),
        quarantined=sum(f.quarantined for f in fates),
        rejected=sum(f.rejected for f in fates),
        superseded=sum(f.superseded for f in fates),
    )
    return Fate(
        feed=feed,
        night=night,
        state="",
        table=counts.table_name,
        received=counts.received,
        published=counts.published,
        quarantined=counts.quarantined,
        rejected=counts.rejected,
        superseded=counts.superseded,
        deleted=total([f.deleted for f in fates]),
        reconciles=counts.reconciles and all(f.reconciles for f in fates),
    )
