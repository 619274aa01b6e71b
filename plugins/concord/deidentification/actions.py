"""What a release profile may do to a concept, as SQL over one column.

Every function returns a DuckDB expression. The expressions are pure: they read the
column, the arguments and nothing else, never the clock. NULL stays NULL, and a value
that a rule can't understand never passes through. Meaning of each action, with its
edge cases: docs/reference/release_profiles.md.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from concord.contracts.ages import completed_years_sql
from concord.contracts.models import ConceptAction
from concord.contracts.odcs import LogicalType
from concord.deidentification.zip3 import Zip3Table
from concord.exceptions import ContractError
from concord.parsing.casting import SQL_TYPES

OLDEST = 120
TOP_AGE = 90
WITHHELD = "000"


def keep(column: str, logical_type: LogicalType) -> str:
    """Leave the value as it is, in the type that the contract declares."""
    return f"CAST({column} AS {SQL_TYPES[logical_type]})"


def generalise_date(column: str, unit: str | None) -> str:
    """Return the first day of the year, quarter or month, in the agency's zone."""
    if unit not in ("year", "quarter", "month"):
        raise ContractError(
            f"generalise_date has unit '{unit}'. Use year, quarter or month"
        )
    return f"CAST(date_trunc('{unit}', {column}) AS DATE)"


def birth_year(column: str, night: date, top: int | None) -> str:
    """Return the year of birth; the years of the oldest become one.

    Everybody who is or turns ``top`` in the calendar year of ``night`` has the same
    year: "that year or earlier". Births in the future or more than 120 years ago are
    NULL.
    """
    if top is None or not 0 < top <= TOP_AGE:
        raise ContractError(
            f"birth_year has top '{top}'. Name the age from which the years of birth "
            f"are one, {TOP_AGE} at most"
        )
    age = completed_years_sql(column, f"DATE '{night.isoformat()}'")
    return (
        f"CASE WHEN {age} BETWEEN 0 AND {OLDEST} "
        f"THEN greatest(year({column}), {night.year - top}) END"
    )


def band_labels(bands: Sequence[int]) -> tuple[str, ...]:
    """Return the labels of age bands: ``0-11``, ``12-14``, …, ``85+``."""
    return (*(f"{low}-{high - 1}" for low, high in pairwise(bands)), f"{bands[-1]}+")


def age_band(column: str, bands: Sequence[int] | None) -> str:
    """Return the label of the band that an age falls into; absurd ages are NULL."""
    if not bands or bands[0] != 0 or any(a >= b for a, b in pairwise(bands)):
        raise ContractError(
            f"age_band has bands {list(bands or ())}. List the first age of each "
            "band, rising from 0"
        )
    if bands[-1] > TOP_AGE:
        raise ContractError(
            f"age_band has bands {list(bands)}. No band may begin after {TOP_AGE}"
        )
    labels = band_labels(bands)
    cases = " ".join(
        f"WHEN {column} < {high} THEN '{label}'"
        for high, label in zip(bands[1:], labels, strict=False)
    )
    return (
        f"CASE WHEN {column} < 0 OR {column} > {OLDEST} OR {column} IS NULL THEN NULL "
        f"{cases} ELSE '{labels[-1]}' END"
    )


def zip3(column: str, table: Zip3Table) -> str:
    """Return the first three digits of a ZIP code on the allow-list, else ``000``.

    ZIP+4 is cut off. Malformed, military and foreign codes are not on the list.
    """
    code = f"trim({column}, ' ')"
    allowed = ", ".join(f"'{prefix}'" for prefix in sorted(table.allowed)) or "NULL"
    return (
        f"CASE WHEN {code} = '' THEN NULL "
        f"WHEN regexp_full_match({code}, '[0-9]{{5}}(-?[0-9]{{4}})?') "
        f"AND left({code}, 3) IN ({allowed}) THEN left({code}, 3) "
        f"WHEN {code} IS NOT NULL THEN '{WITHHELD}' END"
    )


def described(action: ConceptAction) -> str:
    """Say in a sentence what an action does, for the data dictionary."""
    match action.action:
        case "drop":
            return "Not published."
        case "keep":
            return "As the agency recorded it, mapped to the county's codes."
        case "tokenise":
            return "Replaced by a keyed random-looking token of this release."
        case "generalise_date":
            return f"Reduced to the first day of its {action.unit}."
        case "birth_year":
            return (
                f"Reduced to the year; one year for everybody of {action.top} or more."
            )
        case "age_band":
            return f"Reduced to bands: {', '.join(band_labels(action.bands or (0,)))}."
        case "zip3":
            return f"First three digits where over 20,000 people live, else {WITHHELD}."
