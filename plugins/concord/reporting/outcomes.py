"""What linkage and publication made of a night."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.landing.records import LinkageRun, ReleaseRecord
from concord.reporting.arrivals import agency_of
from concord.reporting.counts import (
    Count,
    Value,
    protect,
    protect_if_known,
    share,
    smallest,
    standing_for,
    total,
)
from concord.reporting.linkage_quality import LinkageQuality
from concord.reporting.model import (
    Linkage,
    PairsOfBand,
    RecordsOfFeed,
    Release,
    ReleasedTable,
    ReleaseInput,
    SetAside,
)


def linkage_of(
    ledger: Ledger, night: date, quality: LinkageQuality | None
) -> Linkage | None:
    """Return the linkage in force on a night, in counts.

    Args:
        ledger: The ledger.
        night: The night.
        quality: What was last measured; it counts where it is of this linkage.
    """
    run = ledger.linkage_as_of(night)
    if run is None:
        return None
    measured = quality if quality and quality.night == run.night else None
    measures = run.measures
    by_feed = tuple(
        RecordsOfFeed(feed, protect(int(count)))
        for feed, count in sorted(measures.get("records_by_feed", {}).items())
    )
    records = total(f.records for f in by_feed) if by_feed else protect(run.records)
    persons = protect(run.persons)
    return Linkage(
        night=run.night,
        tonight=run.night == night,
        model_version=run.model_version,
        records=records,
        persons=persons,
        links=protect(max(0, standing_for(records) - standing_for(persons))),
        by_feed=by_feed,
        pairs=tuple(
            PairsOfBand(band, protect(int(count)))
            for band, count in _by_band(measures.get("pairs", {}))
        ),
        largest_cluster=protect_if_known(measures.get("largest_cluster")),
        ids_kept=_kept(run),
        ids_created=_event(measures, "created"),
        ids_merged=_event(measures, "merged"),
        ids_split=_event(measures, "split"),
        ids_retired=_event(measures, "retired"),
        ids_restored=_event(measures, "restored"),
        precision=measured.pairs.precision.value if measured else None,
        recall=measured.pairs.recall.value if measured else None,
        set_aside=tuple(
            SetAside(kind, protect(int(count)))
            for kind, count in measures.get("set_aside", {}).items()
            if count
        ),
        control_differing=protect_if_known(
            measures.get("scoring", {}).get("differing")
        ),
        churn=_churn(measures.get("churn")),
        possible=protect_if_known(measures.get("possible")),
        decisions=protect_if_known(measures.get("decisions")),
    )


def _churn(churn: Mapping[str, int] | None) -> Value | None:
    """Show the share of records whose person id changed; none on a first night."""
    if churn is None or not churn["records"]:
        return None
    return share(churn["changed"], churn["records"])


def _by_band(pairs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Put what was linked first, then what is to be reviewed, then refusals."""
    return sorted(pairs.items(), key=lambda item: (item[0].startswith("refused"), item))


def _event(measures: Mapping[str, Any], kind: str) -> Count | None:
    """Protect how often something happened to ids; kinds that did not are left out."""
    events = measures.get("events")
    return protect(int(events.get(kind, 0))) if events is not None else None


def _kept(run: LinkageRun) -> Count | None:
    """Count the ids that were there the night before: all but those that came."""
    events = run.measures.get("events")
    if events is None:
        return None
    came = sum(int(events.get(kind, 0)) for kind in ("created", "restored", "split"))
    return protect(max(0, run.persons - came))


def releases_of(ledger: Ledger, registry: Registry, night: date) -> tuple[Release, ...]:
    """Return the newest release of every profile as of a night."""
    newest: dict[str, list[ReleaseRecord]] = {}
    for record in ledger.releases():
        if record.night <= night:
            newest.setdefault(record.profile, []).append(record)
    return tuple(
        _release(registry, records[-1], records[-2] if records[1:] else None, night)
        for _, records in sorted(newest.items())
    )


def _release(
    registry: Registry,
    record: ReleaseRecord,
    before: ReleaseRecord | None,
    night: date,
) -> Release:
    profile = registry.profiles.get(record.profile)
    rule = profile.k_anonymity if profile else None
    risk, scan = record.risk, record.risk.get("scan", {})
    findings = scan.get("findings")
    return Release(
        profile=record.profile,
        title=profile.title if profile else record.profile,
        audience=profile.audience if profile else "",
        number=record.number,
        night=record.night,
        tonight=record.night == night,
        tables=_tables(record, before),
        k_required=rule.k if rule else None,
        k_before=_smallest_if_known(risk.get("k_before")),
        k_after=_smallest_if_known(risk.get("k_after")),
        records=protect_if_known(risk.get("records")),
        touched=protect_if_known(_touched(risk)),
        suppressed_share=_suppressed_share(risk),
        suppressed_limit=rule.max_suppressed_share if rule else None,
        scan_identifiers=protect_if_known(scan.get("identifiers")),
        scan_findings=int(findings) if findings is not None else None,
        inputs=tuple(_input(registry, i) for i in record.inputs),
    )


def _tables(
    record: ReleaseRecord, before: ReleaseRecord | None
) -> tuple[ReleasedTable, ...]:
    earlier = before.rows if before else {}
    return tuple(
        ReleasedTable(
            table=table,
            rows=protect(int(rows)),
            before=protect_if_known(earlier.get(table)),
        )
        for table, rows in sorted(record.rows.items())
    )


def _smallest_if_known(k: Any) -> Count | None:
    return smallest(int(k)) if k is not None else None


def _touched(risk: Mapping[str, Any]) -> Any:
    """Return how many persons lost a trait, some or all of them."""
    if "touched" in risk or "generalised" not in risk:
        return risk.get("touched")
    return int(risk["generalised"]) + int(risk.get("suppressed", 0))


def _suppressed_share(risk: Mapping[str, Any]) -> Value | None:
    """Show the share of persons whose attributes are withheld, from rounded counts."""
    value, records = risk.get("suppressed_share"), risk.get("records")
    if value is None:
        return None
    if records is None:
        return round(float(value), 3)
    return share(round(float(value) * int(records)), int(records))


def _input(registry: Registry, entry: Mapping[str, Any]) -> ReleaseInput:
    feed = str(entry.get("feed", ""))
    rows = entry.get("rows")
    if isinstance(rows, Mapping):
        rows = sum(int(count) for count in rows.values())
    return ReleaseInput(
        feed=feed,
        agency=str(entry.get("agency") or agency_of(registry, feed)),
        night=str(entry.get("night", "")),
        carried=bool(entry.get("carried", False)),
        contract_version=str(entry.get("contract_version", "")),
        rows=protect_if_known(rows),
    )
