"""The picture of a feed: safe to embed, the same each time, honest about its scale."""

import re

from concord.reporting.charts import MOST_ROWS, chart, takeaway
from concord.reporting.counts import TOO_FEW, Value
from concord.reporting.model import ColumnLine, FeedQuality, Need, RuleLine


def column(name: str, share: Value, need: Need = "may be empty") -> ColumnLine:
    return ColumnLine("incident", name, need, 500, 400, share, share == 1.0)


def rule(name: str, validity: Value, *, about_table: bool = False) -> RuleLine:
    return RuleLine(
        "police_rms", "incident", name, name, "why", "warning", about_table,
        500, 0 if validity == 1.0 else 10, 0.0, validity,
    )  # fmt: skip


def feed(*lines: ColumnLine | RuleLine) -> FeedQuality:
    return FeedQuality(
        "police_rms",
        "Police",
        None,
        tuple(line for line in lines if isinstance(line, ColumnLine)),
        tuple(line for line in lines if isinstance(line, RuleLine)),
    )


def labels(svg: str) -> list[str]:
    return [text for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)
            if " · " in text]  # fmt: skip


def test_a_label_cannot_become_markup() -> None:
    svg = str(chart(feed(column("<script>alert(1)</script>&", 0.4))))

    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_a_picture_is_one_image_without_an_address() -> None:
    svg = str(chart(feed(column("beat", 0.4), rule("code:beat", 0.97))))

    assert svg.startswith("<svg")
    assert 'aria-hidden="true"' in svg.split(">", 1)[0]
    assert "http" not in svg
    assert not re.search(r' (role|id|aria-label)="', svg)


def test_the_same_rates_give_the_same_picture() -> None:
    quality = feed(column("beat", 0.4), rule("code:beat", 0.97))

    assert chart(quality) == chart(quality)


def test_the_lowest_come_first_and_the_rest_is_left_out() -> None:
    columns = [column(f"c{n:02}", n / 100) for n in range(30, 0, -1)]

    shown = labels(str(chart(feed(*columns, column("all", 1.0)))))

    assert shown == [f"incident · c{n:02}" for n in range(1, MOST_ROWS + 1)]


def test_each_panel_says_where_its_scale_starts() -> None:
    svg = str(chart(feed(column("beat", 0.4), rule("code:beat", 0.99))))
    edges = re.findall(r">([\d.]+%)<", svg)

    assert (edges[0], edges[-1]) == ("0%", "100%")
    assert "98%" in edges


def test_nothing_is_drawn_of_what_is_complete_or_has_no_rate() -> None:
    quality = feed(
        column("all", 1.0),
        column("few", TOO_FEW),
        column("ssn", 0.0, "not sent"),
        rule("kept", 1.0),
        rule("not-empty", "broken", about_table=True),
    )

    assert chart(quality) is None


def test_the_takeaway_names_required_columns_with_gaps() -> None:
    quality = feed(
        column("all", 1.0), column("beat", 0.4), column("ori", 0.99, "required")
    )

    assert takeaway(quality) == (
        "1 of 3 columns are filled in every row; required but with gaps: "
        "incident.ori. No rule was run."
    )


def test_the_takeaway_of_a_feed_without_gaps_or_data() -> None:
    assert takeaway(feed()) == "No data of this feed is in force."
    assert takeaway(feed(column("all", 1.0), rule("kept", 1.0))) == (
        "Every column is filled in every row. Every rule held throughout."
    )
