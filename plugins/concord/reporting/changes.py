"""What is different from the night before, from what both nights' reports show."""

from collections.abc import Iterator

from concord.reporting.counts import position
from concord.reporting.model import (
    Change,
    ColumnLine,
    Facts,
    FeedQuality,
    Linkage,
    Standing,
)
from concord.reporting.wording import STATUS_WORDS, number, percent

# Smaller moves of a rate are noise of rounding.
NOTABLE = 0.01
NONE = "none"


def compare(before: Facts | None, now: Facts) -> tuple[Change, ...]:
    """Return what changed since the night before; nothing on the first night."""
    if before is None:
        return ()
    return (*_feeds(before, now), *_linkage(before, now), *_releases(before, now))


def _feeds(before: Facts, now: Facts) -> Iterator[Change]:
    stood = {s.feed: s for s in before.standings}
    was = {quality.feed: quality for quality in before.quality}
    for standing, quality in zip(now.standings, now.quality, strict=True):
        previous = stood.get(standing.feed)
        if previous is None or previous.status != standing.status:
            yield Change(
                standing.agency,
                "Status",
                STATUS_WORDS[previous.status] if previous else NONE,
                STATUS_WORDS[standing.status],
            )
        yield from _rows(before, now, standing)
        if standing.feed in was:
            yield from _completeness(was[standing.feed], quality)
            yield from _rules(was[standing.feed], quality)


def _rows(before: Facts, now: Facts, standing: Standing) -> Iterator[Change]:
    """Compare rows received and quarantined; exact, as in the reconciliation."""
    for what in ("received", "quarantined"):
        then, tonight = (
            sum(getattr(f, what) for f in facts.fates if f.feed == standing.feed)
            for facts in (before, now)
        )
        if then != tonight:
            yield Change(standing.agency, f"Rows {what}", number(then), number(tonight))


def _completeness(before: FeedQuality, now: FeedQuality) -> Iterator[Change]:
    earlier = {(c.table, c.column): c for c in before.columns}
    for column in now.columns:
        then = earlier.get((column.table, column.column))
        if then is not None and _moved(then, column):
            what = f"{column.table}: {column.column} filled in"
            yield Change(now.agency, what, percent(then.share), percent(column.share))


def _moved(then: ColumnLine, now: ColumnLine) -> bool:
    """Say whether a rate moved by more than rounding can move it."""
    if isinstance(then.present, str) or isinstance(now.present, str):
        return False
    start, end = position(then.share), position(now.share)
    return start is not None and end is not None and abs(end - start) >= NOTABLE


def _rules(before: FeedQuality, now: FeedQuality) -> Iterator[Change]:
    """Tell which rules are broken that held the night before."""
    held = {(r.table, r.rule) for r in before.rules if not r.is_broken}
    for rule in now.broken:
        if (rule.table, rule.rule) in held:
            what = f"{rule.table}: rule {rule.rule} broken"
            yield Change(now.agency, what, number(0), number(rule.broken))


def _linkage(before: Facts, now: Facts) -> Iterator[Change]:
    if now.linkage is None:
        return
    earlier = _linked(before.linkage) if before.linkage else {}
    for what, tonight in _linked(now.linkage).items():
        then = earlier.get(what, NONE)
        if then != tonight:
            yield Change("Linkage", what, then, tonight)


def _linked(linkage: Linkage) -> dict[str, str]:
    return {
        "Person records": number(linkage.records),
        "Persons": number(linkage.persons),
        "Model": linkage.model_version,
    }


def _releases(before: Facts, now: Facts) -> Iterator[Change]:
    earlier = {release.profile: release.label for release in before.releases}
    for release in now.releases:
        then = earlier.get(release.profile, NONE)
        if then != release.label:
            yield Change("Release", release.title, then, release.label)
