"""Pictures of how good linkage is, each with a sentence that says what it shows."""

from typing import Any

from markupsafe import Markup

from concord.reporting.charts import GRID, INK, MUTED, inline
from concord.reporting.counts import position
from concord.reporting.linkage_quality import GroupQuality, LinkageQuality
from concord.reporting.wording import listed, percent

_BLUE = "#1a4480"


def figures(quality: LinkageQuality | None) -> dict[str, Any]:
    """Return the charts of linkage's quality and the sentences beside them."""
    if quality is None:
        return {}
    return {
        "curve": curve(quality),
        "curve_sentence": curve_sentence(quality),
        "groups": {trait: groups(quality, trait) for trait in quality.traits},
        "gap_sentence": gap_sentence(quality),
        "missed_sentence": missed_sentence(quality),
    }


def curve_sentence(quality: LinkageQuality) -> str:
    """Say which threshold would be best, and what a higher one costs."""
    if len(quality.curve) < 2:
        return ""
    best = max(quality.curve, key=lambda point: (point.f1, point.precision))
    highest = quality.curve[-1]
    return (
        f"Of the thresholds looked at, {best.weight:+g} gives the best F1, "
        f"{percent(best.f1)}; from {highest.weight:+g} on, precision is "
        f"{percent(highest.precision)} and recall {percent(highest.recall)}."
    )


def gap_sentence(quality: LinkageQuality) -> str:
    """Say how far groups are apart in recall."""
    if not quality.gaps:
        return "Groups of people can't be compared: too few links of too few groups."
    widest = max(quality.gaps, key=lambda gap: gap.points)
    gaps = [f"{gap.trait} {gap.points:.1f}" for gap in quality.gaps]
    return (
        f"The widest gap in recall is {widest.points:.1f} points, by {widest.trait}: "
        f"best for {widest.best}, worst for {widest.worst}. All gaps in points: "
        f"{listed(gaps)}."
    )


def missed_sentence(quality: LinkageQuality) -> str:
    """Say between which agencies links are missed most often."""
    rated = [a for a in quality.agencies if not isinstance(a.recall, str)]
    if not rated:
        return "No two agencies have enough links for a rate that is not rounded away."
    worst = min(rated, key=lambda a: float(a.recall))
    return (
        f"The lowest recall is {worst.agencies}: {percent(worst.recall)} of the true "
        "links were found."
    )


def curve(quality: LinkageQuality) -> Markup | None:
    """Draw precision and recall by the weight from which pairs are linked."""
    if len(quality.curve) < 2:
        return None
    import altair as alt

    rows = [
        {"weight": point.weight, "rate": rate, "measure": name}
        for point in quality.curve
        for name, rate in (("Precision", point.precision), ("Recall", point.recall))
    ]
    lowest = min(min(point.precision, point.recall) for point in quality.curve)
    start = max(s for s in (0, 0.5, 0.9) if s <= lowest)
    measure = alt.Color("measure:N", title=None).scale(
        domain=["Precision", "Recall"], range=[INK, _BLUE]
    )
    base = alt.Chart(alt.InlineData(values=rows), width=420, height=200).encode(
        x=alt.X("weight:Q", title="Linked from this weight on").axis(
            grid=False, labelColor=MUTED, titleColor=MUTED
        ),
        y=alt.Y("rate:Q", title=None)
        .scale(domain=[start, 1])
        .axis(format="~%", gridColor=GRID, domain=False, labelColor=MUTED),
        color=measure,
    )
    shape = alt.Shape("measure:N", title=None).scale(
        domain=["Precision", "Recall"], range=["circle", "diamond"]
    )
    points = base.mark_point(filled=True, opacity=1, size=60).encode(shape=shape)
    return inline(base.mark_line(strokeWidth=1) + points)


def groups(quality: LinkageQuality, trait: str) -> Markup | None:
    """Draw the recall of each group of a trait, as a dot with its interval."""
    rated = [
        group
        for group in quality.by_group
        if group.trait == trait and group.recall.low is not None
    ]
    if len(rated) < 2:
        return None
    import altair as alt

    rows = [_row(group) for group in rated]
    lowest = min(row["low"] for row in rows)
    start = max(s for s in (0, 0.5, 0.8, 0.9) if s <= lowest)
    base = alt.Chart(
        alt.InlineData(values=rows), width=420, height=alt.Step(18)
    ).encode(
        y=alt.Y("group:N", sort=None, title=None).axis(
            domain=False, ticks=False, labelPadding=10, labelColor=INK
        )
    )
    axis = alt.Axis(
        format="~%", title=None, tickCount=5, gridColor=GRID, domain=False,
        ticks=False, labelColor=MUTED,
    )  # fmt: skip
    scale = alt.Scale(domain=[start, 1])
    stem = base.mark_rule(color=_BLUE, strokeWidth=1).encode(
        x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"
    )
    dot = base.mark_point(filled=True, opacity=1, size=60, color=_BLUE).encode(
        x=alt.X("rate:Q", scale=scale, axis=axis)
    )
    return inline(stem + dot)


def _row(group: GroupQuality) -> dict[str, Any]:
    recall = group.recall
    return {
        "group": group.value,
        "rate": position(recall.value),
        "low": recall.low,
        "high": recall.high,
    }
