"""One small picture a feed: how filled in its columns are, how valid its values.

Drawn on the server as SVG: the page needs no script. Each picture stands beside a
table of the same rates, so it is one image to a screen reader.
"""

import io
import re
from typing import Any

from markupsafe import Markup

from concord.reporting.counts import position
from concord.reporting.model import FeedQuality
from concord.reporting.wording import listed, plural

MOST_ROWS = 12
AXIS_STARTS = (0, 0.5, 0.9, 0.98)
_FONT = "Helvetica, Arial, sans-serif"
INK, MUTED, GRID = "#1b1b1b", "#565c65", "#dcdee0"
# What HTML needs not, and what would make a screen reader spell out every dot.
_SUPERFLUOUS = re.compile(r' (?:xmlns(?::\w+)?|role|aria-[a-z]+)="[^"]*"')
_FIXED_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"')


def takeaway(quality: FeedQuality) -> str:
    """Say in a sentence or two what the picture of a feed shows."""
    if not quality.columns:
        return "No data of this feed is in force."
    if not quality.rules:
        return f"{_filled(quality)} No rule was run."
    rules, broken = len(quality.rules), len(quality.broken)
    if not broken:
        held = "Every rule held throughout."
    else:
        held = f"{rules - broken} of {plural(rules, 'rule')} held throughout."
    return f"{_filled(quality)} {held}"


def _filled(quality: FeedQuality) -> str:
    columns, gaps = len(quality.sent), len(quality.gaps)
    if not gaps:
        return "Every column is filled in every row."
    sentence = (
        f"{columns - gaps} of {plural(columns, 'column')} are filled in every row"
    )
    required = [f"{c.table}.{c.column}" for c in quality.gaps if c.need == "required"]
    if required:
        return f"{sentence}; required but with gaps: {listed(required)}."
    return f"{sentence}; every gap is in a column that may be empty."


def chart(quality: FeedQuality) -> Markup | None:
    """Draw a feed's lowest rates; None where every rate is 100% or unknown."""
    panels = [
        ("Filled in", "circle", INK, _completeness(quality)),
        ("Valid", "diamond", "#1a4480", _validity(quality)),
    ]
    drawn = [panel for panel in panels if panel[3]]
    if not drawn:
        return None
    import altair as alt

    parts = [_panel(*panel) for panel in drawn]
    return inline(alt.vconcat(*parts, spacing=18).resolve_scale(x="independent"))


def _completeness(quality: FeedQuality) -> list[dict[str, Any]]:
    rates = [(f"{c.table} · {c.column}", position(c.share)) for c in quality.gaps]
    return _lowest(rates)


def _validity(quality: FeedQuality) -> list[dict[str, Any]]:
    rates = [
        (f"{r.table} · {r.rule}", position(r.validity))
        for r in quality.broken
        if not r.about_table
    ]
    return _lowest(rates)


def _lowest(rates: list[tuple[str, float | None]]) -> list[dict[str, Any]]:
    """Keep the lowest rates, lowest first."""
    known = [(rate, label) for label, rate in rates if rate is not None]
    return [{"label": label, "rate": rate} for rate, label in sorted(known)[:MOST_ROWS]]


def _panel(title: str, shape: str, colour: str, rows: list[dict[str, Any]]) -> Any:
    """Draw one group of rates: a dot on a stem to 100%, told apart by shape."""
    import altair as alt

    axis = alt.Axis(
        format="~%",
        title=None,
        tickCount=5,
        gridColor=GRID,
        domain=False,
        ticks=False,
        labelColor=MUTED,
    )
    base = alt.Chart(
        alt.InlineData(values=rows),
        title=alt.TitleParams(
            title, anchor="start", frame="group", fontSize=12, color=INK
        ),
        width=420,
        height=alt.Step(18),
    ).encode(
        y=alt.Y("label:N", sort=None, title=None).axis(
            domain=False,
            ticks=False,
            labelLimit=260,
            labelPadding=10,
            labelColor=INK,
            labelFontSize=11,
        )
    )
    # The lowest comes first; rates close to 100% would all look alike from 0%.
    start = max(edge for edge in AXIS_STARTS if edge <= rows[0]["rate"])
    scale = alt.Scale(domain=[start, 1])
    rate = alt.X("rate:Q", scale=scale, axis=axis)
    stem = base.mark_rule(color=colour, strokeWidth=1).encode(x=rate, x2=alt.datum(1))
    dot = base.mark_point(
        shape=shape, filled=True, opacity=1, size=60, color=colour
    ).encode(x=rate)
    return stem + dot


def inline(picture: Any) -> Markup:
    """Draw a chart as a part of an HTML page, as wide as there is room."""
    text = io.StringIO()
    picture.configure(font=_FONT, aria=False, background="transparent").configure_view(
        stroke=None
    ).save(text, format="svg")
    bare = _SUPERFLUOUS.sub("", text.getvalue())
    scalable = _FIXED_SIZE.sub(r'\1 aria-hidden="true"', bare, count=1)
    # Vega escapes the text that it is given, so the drawing is safe to embed.
    return Markup(scalable)  # noqa: S704
