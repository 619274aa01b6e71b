"""What each action did to a column, in a sentence for the data dictionary."""

from collections.abc import Callable, Mapping

from concord.contracts.concept_actions import ConceptAction
from concord.deidentification.actions import WITHHELD, band_labels, bin_labels


def described(action: ConceptAction) -> str:
    """Say in a sentence what an action does."""
    return _SENTENCES[action.action](action)


_SENTENCES: Mapping[str, Callable[[ConceptAction], str]] = {
    "drop": lambda _: "Not published.",
    "vault_only": lambda _: "Not published.",
    "keep": lambda _: "As the agency recorded it, mapped to the county's codes.",
    "tokenise": lambda _: "Replaced by a keyed random-looking token of this release.",
    "tokenise_local": lambda _: (
        "Replaced by a keyed random-looking token of this table alone."
    ),
    "generalise_date": lambda a: (
        "To the day, without the time."
        if a.unit == "day"
        else f"Reduced to the first day of its {a.unit}."
    ),
    "time_band": lambda a: f"Reduced to bands of {a.hours} hours, whatever the day.",
    "shift_date": lambda a: (
        f"Moved by up to {a.days} days, all of a person's alike; empty where the move "
        "would show."
    ),
    "days_since": lambda a: f"Days since the person's first row, {a.days} at most.",
    "birth_year": lambda a: (
        f"Reduced to the year; one year for everybody of {a.top} or more."
    ),
    "age_band": lambda a: (
        "Reduced to bands: " + ", ".join(band_labels(a.bands or (0,))) + "."
    ),
    "top_code": lambda a: f"{a.top} stands for {a.top} or more.",
    "zip3": lambda _: (
        f"First three digits where over 20,000 people live, else {WITHHELD}."
    ),
    "snap": lambda a: (
        f"The smallest area ({a.grid}) around it where {a.minimum:,} people live."
    ),
    "collapse": lambda a: (
        f"Put together to groups ({a.groups}); those of fewer than {a.minimum} persons "
        f"are {a.other}."
    ),
    "bin": lambda a: f"Reduced to: {', '.join(bin_labels(a.edges or (0,)))}.",
    "round": lambda a: f"Rounded to the nearest {a.base:g}.",
}
