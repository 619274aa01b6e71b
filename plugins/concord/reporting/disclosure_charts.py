"""Pictures of a release's risk, each with a sentence that says what it shows."""

from typing import Any

from markupsafe import Markup

from concord.reporting.charts import GRID, INK, MUTED, inline
from concord.reporting.counts import position
from concord.reporting.disclosure import DisclosureReport, Looked
from concord.reporting.wording import listed, number, percent, plural

_BLUE = "#1a4480"
_BEFORE, _AFTER = "Before", "After"


def figures(report: DisclosureReport) -> dict[str, Any]:
    """Return the charts of a release's risk and the sentences beside them."""
    return {
        "hidden": hidden_sentence(report),
        "risk": risk(report),
        "risk_sentence": risk_sentence(report),
        "loss": loss(report),
        "loss_sentence": loss_sentence(report),
        "scan_sentence": scan_sentence(report),
    }


def hidden_sentence(report: DisclosureReport) -> str:
    """Say what hiding persons achieved."""
    hiding = report.hiding
    if hiding is None:
        return "This release holds no row about a person, so nobody had to be hidden."
    return (
        f"The smallest group of people alike was {number(hiding.k_before)} before, and "
        f"is {number(hiding.k_after)} in the release; {hiding.k_required} are required."
    )


def risk_sentence(report: DisclosureReport) -> str:
    """Say by what most people still stand out."""
    shares = {
        looked.name: position(looked.after.at_risk_share)
        for looked in report.looked
        if looked.after is not None
    }
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return "No set of columns was measured, or too few people are in any."
    worst = max(known, key=lambda name: known[name])
    if not known[worst]:
        return "By no set of columns does anybody stand out."
    (look,) = (looked for looked in report.looked if looked.name == worst)
    assert look.after is not None  # it has a share
    return (
        f"Most people stand out by “{worst}”: {percent(look.after.at_risk_share)} of "
        f"them are alike to fewer than {look.k}."
    )


def loss_sentence(report: DisclosureReport) -> str:
    """Say what hiding persons cost."""
    hiding = report.hiding
    if hiding is None or hiding.information_loss is None:
        return "What was lost was not measured."
    touched = [c.column for c in report.columns if c.changed not in (None, 0)]
    if not touched:
        return "Nothing had to be changed to hide anybody."
    return (
        f"{percent(hiding.touched)} of the people lost something, in "
        f"{plural(len(touched), 'column')}: {listed(touched)}. Of all the values by "
        f"which people are alike, {hiding.information_loss:.1%} were made coarser or "
        "withheld."
    )


def scan_sentence(report: DisclosureReport) -> str:
    """Say what the scan found."""
    if report.scan_findings is None or report.scan_identifiers is None:
        return "No scan is on record."
    return (
        f"{number(report.scan_identifiers)} names and numbers of the vault were looked "
        f"for in every cell; {number(report.scan_findings)} were found."
    )


def risk(report: DisclosureReport) -> Markup | None:
    """Draw the share of people at risk by each set, before and after."""
    rows = [row for looked in report.looked for row in _rows(looked)]
    if not rows:
        return None
    import altair as alt

    base = alt.Chart(
        alt.InlineData(values=rows), width=420, height=alt.Step(22)
    ).encode(y=_names(), x=_shares())
    shape = alt.Shape("moment:N", title=None).scale(
        domain=[_BEFORE, _AFTER], range=["circle", "diamond"]
    )
    colour = alt.Color("moment:N", title=None).scale(
        domain=[_BEFORE, _AFTER], range=[MUTED, _BLUE]
    )
    line = base.mark_line(color=GRID, strokeWidth=2).encode(detail="name:N")
    points = base.mark_point(filled=True, opacity=1, size=70)
    return inline(line + points.encode(shape=shape, color=colour))


def _rows(looked: Looked) -> list[dict[str, Any]]:
    moments = {_BEFORE: looked.before, _AFTER: looked.after}
    rates = {
        name: position(moment.at_risk_share)
        for name, moment in moments.items()
        if moment is not None
    }
    return [
        {"name": looked.name, "moment": name, "rate": rate}
        for name, rate in rates.items()
        if rate is not None
    ]


def loss(report: DisclosureReport) -> Markup | None:
    """Draw in what share of the rows each quasi-identifier was changed."""
    rates = {c.column: position(c.changed) for c in report.columns if c.changed}
    rows = [{"name": name, "rate": rate} for name, rate in rates.items() if rate]
    if not rows:
        return None
    import altair as alt

    base = alt.Chart(
        alt.InlineData(values=rows), width=420, height=alt.Step(22)
    ).encode(y=_names(), x=_shares())
    stem = base.mark_rule(color=INK, strokeWidth=1).encode(x2=alt.datum(0))
    return inline(stem + base.mark_point(filled=True, opacity=1, size=60, color=INK))


def _names() -> Any:
    import altair as alt

    return alt.Y("name:N", sort=None, title=None).axis(
        domain=False, ticks=False, labelLimit=280, labelPadding=10, labelColor=INK
    )


def _shares() -> Any:
    import altair as alt

    return alt.X("rate:Q", title=None).axis(
        format="~%",
        tickCount=5,
        gridColor=GRID,
        domain=False,
        ticks=False,
        labelColor=MUTED,
    )
