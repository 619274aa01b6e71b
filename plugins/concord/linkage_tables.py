"""What was measured of a linkage, for a terminal; small counts in words."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from concord.linkage.evaluation import Agreement
from concord.linkage.intervals import Estimate, Measured, wilson
from concord.linkage.measuring import Evaluation
from concord.reporting.counts import protect
from concord.reporting.linkage_quality import LinkageQuality, shown
from concord.reporting.wording import number, percent


def print_evaluation(found: Evaluation, console: Console) -> None:
    """Print what was measured."""
    quality = shown(found)
    console.print(_rates(found))
    for table in (_curve(found), _agencies(quality), _groups(quality)):
        if table.row_count:
            console.print(table)
    for line in _sentences(quality):
        console.print(line, soft_wrap=True)


def print_agreement(found: Agreement, console: Console) -> None:
    """Print how well assaults were linked, with Wilson's intervals."""
    table = Table("", "rate", "from", "to", "true", "found", title="linked assaults")
    counts = [number(protect(n)) for n in (found.true, found.found)]
    for name, whole in (("precision", found.found), ("recall", found.true)):
        estimate = wilson(found.correct, whole)
        rates = (f"{r:.4f}" for r in (estimate.value, estimate.low, estimate.high))
        table.add_row(name, *rates, *counts)
    console.print(table)


def _rates(found: Evaluation) -> Table:
    table = Table(
        "", "", "rate", "from", "to", "true", "found",
        title=f"{found.data}: {number(protect(found.records))} records",
    )  # fmt: skip
    _add_rates(table, "pairs", found.pairs)
    if found.groups is not None:
        _add_rates(table, "whole persons", found.groups)
    return table


def _add_rates(table: Table, what: str, measured: Measured) -> None:
    """Add three lines: each rate with the ends of its interval."""
    counts = [number(protect(n)) for n in (measured.counts.true, measured.counts.found)]
    for name in ("precision", "recall", "f1"):
        estimate: Estimate = getattr(measured, name)
        rates = (f"{r:.4f}" for r in (estimate.value, estimate.low, estimate.high))
        table.add_row(what, name.replace("f1", "F1"), *rates, *counts)


def _curve(found: Evaluation) -> Table:
    table = Table("linked from", "precision", "recall", "F1", title="Thresholds")
    for point in found.curve:
        rates = (f"{r:.4f}" for r in (point.precision, point.recall, point.f1))
        table.add_row(f"{point.weight:+g}", *rates)
    return table


def _agencies(quality: LinkageQuality) -> Table:
    table = Table("records of", "true", "missed", "false", "recall", "precision")
    for line in quality.agencies:
        counts = map(number, (line.true, line.missed, line.false))
        table.add_row(
            line.agencies, *counts, percent(line.recall), percent(line.precision)
        )
    return table


def _groups(quality: LinkageQuality) -> Table:
    table = Table("trait", "group", "persons", "recall", "precision")
    for group in quality.by_group:
        rates = (percent(r.value) for r in (group.recall, group.precision))
        table.add_row(group.trait, group.value, number(group.persons), *rates)
    return table


def _sentences(quality: LinkageQuality) -> Iterator[str]:
    for gap in quality.gaps:
        yield (
            f"gap in recall by {gap.trait}: {gap.points:.1f} points "
            f"({gap.best} best, {gap.worst} worst)"
        )
    for line in quality.unlinkable:
        yield f"hardly linkable: {line.feed}, {line.reason}: {number(line.records)}"
    if quality.sample:
        size = quality.sample
        yield (
            f"{size.judged:,} of {size.pairs:,} pairs judged, {size.unsure:,} left "
            "open; recall is among pairs that were looked at"
        )
