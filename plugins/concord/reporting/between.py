"""Checks between agencies and healing quarantine, as the report shows them."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from concord.curation.cross_checks import read_checks
from concord.landing.history import CrossCheck
from concord.landing.ledger import Ledger
from concord.reporting.counts import protect, share
from concord.reporting.model import Between, HealingLine, RateOfNight

NIGHTS = 14


def between(ledger: Ledger, folder: Path, night: date) -> tuple[Between, ...]:
    """Return every check's newest result, with its rates over the nights before."""
    found: dict[str, list[CrossCheck]] = {}
    for result in ledger.history.cross_checks(night):
        found.setdefault(result.name, []).append(result)
    checks = {check.name: check.about for check in read_checks(folder)}
    return tuple(
        Between(
            name=name,
            title=checks[name].title,
            why=checks[name].why,
            feeds=checks[name].feeds,
            night=results[-1].night,
            matched=protect(results[-1].matched),
            compared=protect(results[-1].compared),
            share=share(results[-1].matched, results[-1].compared),
            expected=checks[name].expected,
            rates=tuple(
                RateOfNight(r.night, share(r.matched, r.compared))
                for r in results[-NIGHTS:]
            ),
        )
        for name, results in sorted(found.items())
        if name in checks
    )


def healing(
    ledger: Ledger, feeds: Sequence[str], night: date
) -> tuple[HealingLine, ...]:
    """Return what became, on a night, of the rows that waited in quarantine."""
    return tuple(
        HealingLine(
            feed=feed,
            table=part.table_name,
            before=part.before,
            added=part.added,
            corrected=part.corrected,
            released=part.released,
            overridden=part.overridden,
            left=part.replaced + part.withdrawn,
            waiting=part.waiting,
        )
        for feed in feeds
        for part in ledger.history.healing_of(feed, night)
        if part.before + part.added
    )
