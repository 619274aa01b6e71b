"""Everything that is measured of a linkage, as counts and rates without any value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pydantic import TypeAdapter

from concord.exceptions import LinkageError
from concord.linkage.datasets import KnownPersons
from concord.linkage.evaluation import evaluate, judged
from concord.linkage.intervals import Measured
from concord.linkage.judging import (
    BetweenAgencies,
    OfGroup,
    between_agencies,
    by_group,
    overall,
    recorded_traits,
)
from concord.linkage.nodes import RECORDS, connection
from concord.linkage.prediction import link
from concord.linkage.settings import PersonModel, Thresholds
from concord.linkage.standardise import LINKAGE, standardise

WEIGHTS = (0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0)


@dataclass(frozen=True)
class AtThreshold:
    """How good linkage is when pairs are linked from a weight on."""

    weight: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Unlinkable:
    """Records of a feed that can hardly be joined to any other, and why."""

    feed: str
    reason: str
    records: int


@dataclass(frozen=True)
class Judged:
    """How many pairs of a sample people judged, and how many they left open."""

    pairs: int
    judged: int
    unsure: int


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what, and with which model."""

    data: str
    night: date | None
    model_version: str
    records: int
    pairs: Measured
    groups: Measured | None
    curve: tuple[AtThreshold, ...]
    agencies: tuple[BetweenAgencies, ...]
    by_group: tuple[OfGroup, ...]
    unlinkable: tuple[Unlinkable, ...]
    sample: Judged | None = None


EVALUATIONS = TypeAdapter(Evaluation)


def evaluate_linkage(
    known: KnownPersons,
    clusters: pa.Table,
    *,
    data: str,
    night: date | None,
    model: PersonModel,
    seed: int,
    curve: Sequence[AtThreshold] = (),
) -> Evaluation:
    """Measure a grouping of records against the truth.

    Args:
        known: Records and truth; only records that have a truth count.
        clusters: ``record_key`` with ``cluster_id`` or ``person_id``.
        data: What the records are, in our own words.
        night: The night of the records; ages are as of it, unknown if None.
        model: The model that made the grouping.
        seed: Makes the intervals repeatable.
        curve: What ``threshold_curve`` found.
    """
    traits = known.traits
    if traits is None:
        traits = recorded_traits(known.records, known.truth, night)
    with judged(clusters, known.truth) as con:
        pairs, groups = overall(con, seed)
        return Evaluation(
            data=data,
            night=night,
            model_version=model.version,
            records=int(con.sql("SELECT COUNT(*) FROM judged").fetchall()[0][0]),
            pairs=pairs,
            groups=groups,
            curve=tuple(curve),
            agencies=between_agencies(con, known.records),
            by_group=by_group(con, traits, seed),
            unlinkable=unlinkable(known.records, night),
        )


def threshold_curve(
    known: KnownPersons,
    model: PersonModel,
    night: date | None,
    *,
    weights: Sequence[float] = WEIGHTS,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> tuple[AtThreshold, ...]:
    """Link once for each weight and measure, so that guard and grouping count too.

    A weight at which linkage would stop before it merged strangers has no point.
    """
    found = []
    for weight in weights:
        usual = model.thresholds
        thresholds = Thresholds(
            link_weight=weight,
            split_weight=min(weight, usual.split_weight),
            review_weight=min(weight, usual.review_weight),
        )
        stricter = model.model_copy(update={"thresholds": thresholds})
        try:
            result = link(
                known.records,
                stricter,
                night=night,
                threads=threads,
                memory_limit=memory_limit,
            )
        except LinkageError as error:
            if error.code != "GIANT_CLUSTER":
                raise
            continue
        quality = evaluate(result.clusters, known.truth)
        found.append(AtThreshold(weight, quality.precision, quality.recall, quality.f1))
    return tuple(found)


def unlinkable(records: pa.Table, night: date | None) -> tuple[Unlinkable, ...]:
    """Count the records that can hardly be joined to any other, by feed and reason."""
    query = (LINKAGE / "unlinkable.sql").read_text(encoding="utf-8")
    with connection(None, None, None) as con:
        con.register(RECORDS, records)
        standardise(con, RECORDS, night=night)
        return tuple(Unlinkable(*row) for row in con.sql(query).fetchall())
