"""Completeness of the data in force and validity of what arrived, feed by feed."""

from collections import defaultdict
from datetime import date

from concord.contracts.registry import Registry
from concord.landing.ledger import Ledger
from concord.landing.records import ColumnCount, RuleCount
from concord.reporting.arrivals import agency_of, landed_on
from concord.reporting.counts import Value, part_of, protect, share
from concord.reporting.model import ColumnLine, FeedQuality, RuleLine
from concord.reporting.reasons import Reasons

HOLDS = "holds"
BROKEN = "broken"


def quality_of(
    ledger: Ledger, registry: Registry, reasons: Reasons, feed: str, night: date
) -> FeedQuality:
    """Return how complete and valid a feed is on a night."""
    state = ledger.state_as_of(feed, night)
    counts = ledger.column_counts(feed, state.state_id) if state else ()
    return FeedQuality(
        feed=feed,
        agency=agency_of(registry, feed),
        data_night=state.night if state else None,
        columns=tuple(_column(reasons, feed, count) for count in counts),
        rules=tuple(
            _rule(reasons, feed, count) for count in _rule_counts(ledger, feed, night)
        ),
    )


def _column(reasons: Reasons, feed: str, count: ColumnCount) -> ColumnLine:
    return ColumnLine(
        table=count.table_name,
        column=count.column_name,
        need=reasons.need(feed, count.table_name, count.column_name),
        rows=protect(count.rows),
        present=part_of(count.present, count.rows),
        share=share(count.present, count.rows),
        complete=count.present == count.rows,
    )


def _rule_counts(ledger: Ledger, feed: str, night: date) -> list[RuleCount]:
    """Add up each rule's counts over the deliveries that landed on a night."""
    counts: defaultdict[tuple[str, str, str, str], list[RuleCount]] = defaultdict(list)
    for delivery in landed_on(ledger, feed, night):
        for count in ledger.rule_counts(delivery.id):
            key = (count.table_name, count.rule, count.severity, count.columns)
            counts[key].append(count)
    return [
        RuleCount(
            *key,
            elements=sum(c.elements for c in found),
            missing=sum(c.missing for c in found),
            unexpected=sum(c.unexpected for c in found),
        )
        for key, found in sorted(counts.items())
    ]


def _rule(reasons: Reasons, feed: str, count: RuleCount) -> RuleLine:
    """Say how often a rule was broken: of the values there were, blanks aside."""
    table, rule = count.table_name, count.rule
    about_table = reasons.is_about_table(feed, table, rule)
    judged = count.elements - count.missing
    share_broken: Value
    validity: Value
    if about_table:
        share_broken = validity = BROKEN if count.unexpected else HOLDS
    else:
        share_broken = share(count.unexpected, judged)
        validity = share(judged - count.unexpected, judged)
    return RuleLine(
        feed=feed,
        table=table,
        rule=rule,
        columns=count.columns,
        why=reasons.why(feed, table, rule),
        severity=count.severity,
        about_table=about_table,
        checked=judged if about_table else protect(judged),
        broken=count.unexpected if about_table else protect(count.unexpected),
        share_broken=share_broken,
        validity=validity,
    )
