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
from concord.contracts.concept_actions import OLDEST_AGE
from concord.contracts.odcs import LogicalType
from concord.deidentification.zip3 import Zip3Table
from concord.duck import literal
from concord.exceptions import ContractError
from concord.parsing.casting import SQL_TYPES

OLDEST = 120
TOP_AGE = OLDEST_AGE
UNITS = ("year", "quarter", "month", "week", "day")
WITHHELD = "000"
WELL_FORMED_ZIP = "regexp_full_match({}, '[0-9]{{5}}(-?[0-9]{{4}})?')"
"""SQL that is true of a ZIP code, with or without the four further digits."""


def keep(column: str, logical_type: LogicalType) -> str:
    """Leave the value as it is, in the type that the contract declares."""
    return f"CAST({column} AS {SQL_TYPES[logical_type]})"


def generalise_date(column: str, unit: str | None) -> str:
    """Return the first day of the unit, in the agency's zone; a week begins on Monday.

    The Monday of a week may lie in the year before: it is the week of the ISO year.
    """
    if unit not in UNITS:
        raise ContractError(
            f"generalise_date has unit '{unit}'. Use one of {', '.join(UNITS)}"
        )
    return f"CAST(date_trunc('{unit}', {column}) AS DATE)"


def time_labels(hours: int) -> tuple[str, ...]:
    """Return the labels of bands of so many hours: ``00-05``, ``06-11``, …."""
    return tuple(f"{h:02}-{h + hours - 1:02}" for h in range(0, 24, hours))


def time_band(column: str, hours: int | None) -> str:
    """Return the part of the day of a moment, whatever the day."""
    if hours not in (4, 6, 8, 12):
        raise ContractError(f"time_band has hours '{hours}'. Use 4, 6, 8 or 12")
    labels = ", ".join(literal(label) for label in time_labels(hours))
    return f"[{labels}][hour({column}) // {hours} + 1]"


def days_since(column: str, person: str, most: int | None) -> str:
    """Return the days since the person's own first row, cut off at ``most``.

    Rows of nobody have none. The anchor lies in the rows, never in today.
    """
    if most is None:
        raise ContractError("days_since has no days. Say after how many it stops")
    day = f"CAST({column} AS DATE)"
    since = f"{day} - min({day}) OVER (PARTITION BY {person})"
    return f"CASE WHEN {person} IS NOT NULL THEN {_at_most(f'({since})', most)} END"


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


def top_code(column: str, top: int | None) -> str:
    """Return the number, or ``top`` for whatever is larger; read it as "or more"."""
    if top is None:
        raise ContractError("top_code has no top. Name the largest number told apart")
    return _at_most(column, top)


def _at_most(number: str, most: int) -> str:
    """Return the smaller of two numbers; DuckDB's least() would fill a NULL."""
    return f"CASE WHEN {number} > {most} THEN {most} ELSE {number} END"


def rounded(column: str, base: float | None, logical_type: LogicalType) -> str:
    """Return the nearest multiple of ``base``; a half goes away from nought."""
    if base is None or (logical_type == "integer" and base != int(base)):
        raise ContractError(
            f"round has base '{base}'. Give a number, a whole one for whole numbers"
        )
    if logical_type == "integer":
        # In whole numbers, so that no half is lost to a fraction that binary lacks.
        wide = f"CAST(abs(CAST({column} AS HUGEINT)) AS HUGEINT)"
        steps = f"((2 * {wide} + {int(base)}) // {2 * int(base)})"
        return f"CAST(sign({column}) * {steps} * {int(base)} AS BIGINT)"
    return f"sign({column}) * floor(abs({column}) / {base} + 0.5) * {base}"


def bin_labels(edges: Sequence[float]) -> tuple[str, ...]:
    """Return the labels of left-closed bins: ``under 5``, ``5 to under 10``, …."""
    between = (f"{low:g} to under {high:g}" for low, high in pairwise(edges))
    return (f"under {edges[0]:g}", *between, f"{edges[-1]:g} or more")


def binned(column: str, edges: Sequence[float] | None) -> str:
    """Return the label of the bin that a number lies in; an edge begins its bin."""
    if not edges or any(a >= b for a, b in pairwise(edges)):
        raise ContractError(f"bin has edges {list(edges or ())}. List them rising")
    labels = bin_labels(edges)
    cases = " ".join(
        f"WHEN {column} < {edge} THEN {literal(label)}"
        for edge, label in zip(edges, labels, strict=False)
    )
    return (
        f"CASE WHEN {column} IS NULL OR isnan(CAST({column} AS DOUBLE)) THEN NULL "
        f"{cases} ELSE {literal(labels[-1])} END"
    )


def zip3(column: str, table: Zip3Table) -> str:
    """Return the first three digits of a ZIP code on the allow-list, else ``000``.

    ZIP+4 is cut off. Malformed, military and foreign codes are not on the list.
    """
    code = f"trim({column}, ' ')"
    allowed = ", ".join(f"'{prefix}'" for prefix in sorted(table.allowed)) or "NULL"
    return (
        f"CASE WHEN {code} = '' THEN NULL "
        f"WHEN {WELL_FORMED_ZIP.format(code)} "
        f"AND left({code}, 3) IN ({allowed}) THEN left({code}, 3) "
        f"WHEN {code} IS NOT NULL THEN '{WITHHELD}' END"
    )
