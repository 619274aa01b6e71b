"""Nobody of 90 or more is told apart, not even by reckoning.

An age is given by the year of birth and any year of an event, or by an age at an event
and the years since. So what a release says of a person is limited in two ways, which
the keymap carries beside the token:

* Who is or turns 90 in the year of the release has no age at any event.
* Nobody has a date of a year in which only somebody of that age can have lived.
* Who is younger has no date of a year in which they are 90 or more (the end of a
  sentence, say, that lies ahead).

The year of birth itself is made one for the oldest by the action ``birth_year``.
"""

from concord.deidentification.actions import OLDEST

BORN = "_born"
LIMITS = {"oldest": "BOOLEAN", "dates_from": "SMALLINT", "dates_to": "SMALLINT"}
"""Columns beside a person's token: whether no age may be told, and which years may."""


def limits(born: str, release_year: int, top: int) -> dict[str, str]:
    """Return the limits of a person as SQL over the earliest year of birth known."""
    oldest = f"{born} + {top} <= {release_year}"
    return {
        "oldest": f"coalesce({oldest}, FALSE)",
        "dates_from": f"{release_year - top + 1}",
        "dates_to": f"CASE WHEN NOT ({oldest}) THEN {born} + {top - 1} END",
    }


def born_sql(column: str, release_year: int) -> str:
    """Return the year of a birth that can be; of others NULL."""
    year = f"year({column})"
    return (
        f"CASE WHEN {year} BETWEEN {release_year - OLDEST - 1} AND {release_year} "
        f"THEN CAST({year} AS SMALLINT) END"
    )


def within_years(value: str, moment: str, person: str) -> str:
    """Return SQL of a date that is NULL where its year would tell an age."""
    return (
        f"CASE WHEN year({moment}) < {person}.dates_from "
        f"OR year({moment}) > {person}.dates_to THEN NULL ELSE {value} END"
    )


def unless_oldest(value: str, person: str) -> str:
    """Return SQL of an age that is NULL for the oldest."""
    return f"CASE WHEN {person}.oldest THEN NULL ELSE {value} END"
