"""How good linkage is, as the report shows it: rounded, small counts in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from concord.landing.ledger import Ledger
from concord.linkage.evaluation import Agreement
from concord.linkage.intervals import Estimate, Measured
from concord.linkage.judging import NOT_RECORDED, BetweenAgencies, OfGroup
from concord.linkage.measuring import EVALUATIONS, AtThreshold, Evaluation
from concord.reporting.counts import (
    FEWEST_FOR_SHARE,
    NEARLY_ALL,
    TOO_FEW,
    Count,
    Value,
    protect,
    share,
)

EVENT = "linkage_evaluated"
_DIGITS = 3


@dataclass(frozen=True)
class Rate:
    """A rate with its interval, or the words that stand in its place."""

    value: Value
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Rates:
    """Precision, recall and F1 of pairs, or of whole groups."""

    true: Count
    found: Count
    precision: Rate
    recall: Rate
    f1: Rate


@dataclass(frozen=True)
class AgencyPair:
    """Missed and false links between two agencies, or within one."""

    agencies: str
    true: Count
    missed: Count
    false: Count
    recall: Value
    precision: Value


@dataclass(frozen=True)
class GroupQuality:
    """How well the records of one group of people were linked."""

    trait: str
    value: str
    persons: Count
    recall: Rate
    precision: Rate


@dataclass(frozen=True)
class Gap:
    """How many points of recall the best and worst group of a trait are apart."""

    trait: str
    best: str
    worst: str
    points: float


@dataclass(frozen=True)
class UnlinkableRecords:
    """Records that can hardly be joined to any other."""

    feed: str
    reason: str
    records: Count


@dataclass(frozen=True)
class SampleSize:
    """How many pairs people judged."""

    pairs: int
    judged: int
    unsure: int


@dataclass(frozen=True)
class LinkageQuality:
    """What was measured of a linkage, fit to be shown."""

    data: str
    night: date | None
    model_version: str
    records: Count
    pairs: Rates
    groups: Rates | None
    curve: tuple[AtThreshold, ...]
    agencies: tuple[AgencyPair, ...]
    by_group: tuple[GroupQuality, ...]
    gaps: tuple[Gap, ...]
    unlinkable: tuple[UnlinkableRecords, ...]
    sample: SampleSize | None

    @property
    def traits(self) -> tuple[str, ...]:
        """Return the traits by which linkage was measured."""
        return tuple(dict.fromkeys(group.trait for group in self.by_group))


def quality_as_of(ledger: Ledger, night: date) -> LinkageQuality | None:
    """Return what was last measured of a linkage on or before a night."""
    found = [event for event in ledger.history.events(EVENT) if event.night <= night]
    if not found:
        return None
    newest = max(enumerate(found), key=lambda item: (item[1].night, item[0]))[1]
    return shown(EVALUATIONS.validate_python(newest.facts["measured"]))


def shown(found: Evaluation) -> LinkageQuality:
    """Round what was measured, and put words in place of what is too small."""
    return LinkageQuality(
        data=found.data,
        night=found.night,
        model_version=found.model_version,
        records=protect(found.records),
        pairs=_rates(found.pairs),
        groups=_rates(found.groups) if found.groups else None,
        curve=tuple(
            AtThreshold(p.weight, *(round(r, _DIGITS) for r in _of(p)))
            for p in found.curve
        ),
        agencies=tuple(map(_agency_pair, found.agencies)),
        by_group=tuple(map(_group, found.by_group)),
        gaps=tuple(_gaps(found.by_group)),
        unlinkable=tuple(
            UnlinkableRecords(u.feed, u.reason, protect(u.records))
            for u in found.unlinkable
        ),
        sample=SampleSize(**vars(found.sample)) if found.sample else None,
    )


def _of(point: AtThreshold) -> tuple[float, float, float]:
    return point.precision, point.recall, point.f1


def _rates(measured: Measured) -> Rates:
    counts = measured.counts
    return Rates(
        protect(counts.true),
        protect(counts.found),
        _rate(measured.precision, counts.found),
        _rate(measured.recall, counts.true),
        _rate(measured.f1, min(counts.true, counts.found)),
    )


def _rate(estimate: Estimate, whole: int) -> Rate:
    """Show a rate with its interval; of too few there is none."""
    if whole < FEWEST_FOR_SHARE:
        return Rate(TOO_FEW)
    low, high = round(estimate.low, _DIGITS), round(estimate.high, _DIGITS)
    value = round(estimate.value, _DIGITS)
    return Rate(NEARLY_ALL if value == 1 > estimate.value else value, low, high)


def _agency_pair(line: BetweenAgencies) -> AgencyPair:
    pairs: Agreement = line.pairs
    within = line.one == line.other
    return AgencyPair(
        agencies=f"within {line.one}" if within else f"{line.one} and {line.other}",
        true=protect(pairs.true),
        missed=protect(pairs.true - pairs.correct),
        false=protect(pairs.found - pairs.correct),
        recall=share(pairs.correct, pairs.true),
        precision=share(pairs.correct, pairs.found),
    )


def _group(group: OfGroup) -> GroupQuality:
    counts = group.links.counts
    return GroupQuality(
        trait=group.trait.replace("_", " "),
        value=group.value,
        persons=protect(group.persons),
        recall=_rate(group.links.recall, counts.true),
        precision=_rate(group.links.precision, counts.found),
    )


def _gaps(groups: Iterable[OfGroup]) -> Iterable[Gap]:
    """Compare the groups of each trait that have enough links to be compared."""
    by_trait: dict[str, list[OfGroup]] = {}
    for group in groups:
        enough = group.links.counts.true >= FEWEST_FOR_SHARE
        if enough and group.value != NOT_RECORDED:
            by_trait.setdefault(group.trait.replace("_", " "), []).append(group)
    for trait, compared in by_trait.items():
        if len(compared) < 2:
            continue
        ordered = sorted(compared, key=lambda group: group.links.recall.value)
        worst, best = ordered[0], ordered[-1]
        points = 100 * (best.links.recall.value - worst.links.recall.value)
        yield Gap(trait, best.value, worst.value, round(points, 1))
