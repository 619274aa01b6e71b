"""How a report writes numbers, dates and sentences."""

from collections.abc import Sequence
from datetime import date, datetime

from concord.reporting.counts import Value
from concord.reporting.model import Arrival, Fate, Release, Standing, Status

STATUS_WORDS: dict[Status, str] = {
    "delivered": "Delivered",
    "on_time": "On time",
    "late": "Late",
    "held": "Held",
    "unrecorded": "No record",
}
_BANDS = {
    "link": "Linked: taken as one person",
    "sure": "Linked: taken as one person",
    "review": "For review: possibly one person",
    "possible": "For review: possibly one person",
}
NOT_RECORDED = "not recorded"
NOT_MEASURED = "not measured"
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def number(value: Value | None) -> str:
    """Write a count with separators, or the words that stand in its place."""
    if value is None:
        return NOT_RECORDED
    return value if isinstance(value, str) else f"{value:,}"


def percent(value: Value | None) -> str:
    """Write a rate as a percentage, or the words that stand in its place."""
    if value is None:
        return NOT_MEASURED
    return value if isinstance(value, str) else f"{value:.1%}"


def size(count: int) -> str:
    """Write a number of bytes in the unit that suits it."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return (
        f"{amount:,.0f} {_UNITS[unit]}" if unit < 2 else f"{amount:,.1f} {_UNITS[unit]}"
    )


def band(name: str) -> str:
    """Say what linkage made of the pairs of a band."""
    return _BANDS.get(name, name[:1].upper() + name[1:])


def long_date(day: date) -> str:
    """Write a date in full, e.g. Tuesday, January 6, 2026."""
    return f"{day:%A}, {day:%B} {day.day}, {day.year}"


def short_date(day: date) -> str:
    """Write a date without its weekday, e.g. January 6, 2026."""
    return f"{day:%B} {day.day}, {day.year}"


def moment(at: datetime) -> str:
    """Write a time with its zone, e.g. 2026-01-06 03:12 CST."""
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def delivered_sentence(
    agency: str, night: date, arrivals: Sequence[Arrival], fates: Sequence[Fate]
) -> str:
    """Say what an agency delivered and how it fared."""
    if not arrivals:
        return f"{agency} is up to date; nothing new had to land."
    rows = sum(a.rows for a in arrivals)
    files = sum(a.files for a in arrivals)
    sentence = f"{agency} delivered {plural(rows, 'row')} in {plural(files, 'file')}"
    earlier = sorted({a.night for a in arrivals if a.night < night})
    if earlier:
        sentence += f", making up for {listed([long_date(day) for day in earlier])}"
    bad = [
        f"{plural(count, 'row')} {verb}"
        for count, verb in (
            (sum(f.quarantined for f in fates), "went to quarantine"),
            (sum(f.rejected for f in fates), "could not be read"),
        )
        if count
    ]
    return f"{sentence}; {listed(bad) if bad else 'every row passed its checks'}."


def missing_sentence(standing: Standing, night: date) -> str:
    """Say that an agency's data of the night are not in, and what stands for them."""
    agency, data_night = standing.agency, standing.data_night
    opening = {
        "late": f"{agency} has not delivered",
        "on_time": f"{agency} is on time ({standing.detail})",
        "held": f"{agency} delivered, but the delivery is held",
    }.get(standing.status, f"Nothing is recorded of {agency} for this night")
    if standing.code and standing.status == "held":
        opening += f" ({standing.code})"
    if data_night is None:
        return f"{opening}; none of its data has been accepted yet, so it is absent."
    if data_night == night:
        return f"{opening}."
    if not standing.carried_nights:
        return f"{opening}; its figures are those of {long_date(data_night)}."
    nights = plural(standing.carried_nights, "night")
    return (
        f"{opening}; its figures are those of {long_date(data_night)}, "
        f"carried forward for {nights}."
    )


def headline(standings: Sequence[Standing], releases: Sequence[Release]) -> str:
    """Say in one breath how the night went."""
    delivered = sum(s.status == "delivered" for s in standings)
    sentence = f"{delivered} of {plural(len(standings), 'feed')} delivered"
    others: list[tuple[Status, str]] = [
        ("on_time", "on time"),
        ("late", "late"),
        ("held", "held"),
        ("unrecorded", "without a record"),
    ]
    for status, word in others:
        count = sum(s.status == status for s in standings)
        if count:
            sentence += f", {count} {word}"
    out = [f"{r.label} ({r.profile})" for r in releases if r.tonight]
    if out:
        made = f"{plural(len(out), 'new release')}: {listed(out)}."
    else:
        made = "No new release."
    return f"{sentence}. {made}"
