"""Companion columns: why a value is as it is, told apart in five words.

A profile that asks for them (``companions``) gets beside a column another of its name
and ``__sdc``, so that an empty cell that nobody recorded is never taken for one that
was withheld.
"""

from concord.contracts.concept_actions import ConceptAction
from concord.deidentification.actions import WELL_FORMED_ZIP, WITHHELD
from concord.duck import quoted

SUFFIX = "__sdc"
OK, GENERALISED, SUPPRESSED, MISSING, INVALID = STATES = (
    "ok", "generalised", "suppressed", "missing", "invalid",
)  # fmt: skip
"""As recorded; coarser; withheld; never recorded; recorded, but absurd."""

AS_RECORDED = frozenset({"keep", "tokenise", "tokenise_local"})
EMPTIED_TO_PROTECT = frozenset({"generalise_date", "shift_date", "snap", "days_since"})


def companion(column: str) -> str:
    """Return the name of the column that says how another came to be."""
    return column + SUFFIX


def state_sql(
    action: ConceptAction, recorded: str, made: str, withheld: str = "FALSE"
) -> str:
    """Return SQL of the state of a value.

    Args:
        action: What was done.
        recorded: SQL of what the agency recorded.
        made: SQL of what leaves.
        withheld: SQL that is true where it was taken away to protect somebody.
    """
    left = OK if action.action in AS_RECORDED else GENERALISED
    emptied = SUPPRESSED if action.action in EMPTIED_TO_PROTECT else INVALID
    zip_code = ""
    if action.action == "zip3":
        code = f"trim({recorded}, ' ')"
        recorded = f"nullif({code}, '')"
        zip_code = (
            f"WHEN {made} = '{WITHHELD}' THEN CASE WHEN {WELL_FORMED_ZIP.format(code)} "
            f"THEN '{SUPPRESSED}' ELSE '{INVALID}' END "
        )
    return (
        f"CASE WHEN {recorded} IS NULL THEN '{MISSING}' "
        f"WHEN {withheld} THEN '{SUPPRESSED}' {zip_code}"
        f"WHEN {made} IS NULL THEN '{emptied}' ELSE '{left}' END"
    )


def person_states_sql(column: str) -> str:
    """Return the query, over records, of the state of what was chosen for a person.

    Where no record gives a value, one that gave an absurd one says so.
    """
    state, value = quoted(companion(column)), quoted(column)
    ranked = "first(state ORDER BY n DESC, value) FILTER (WHERE value IS NOT NULL)"
    return (
        f"SELECT person_id, coalesce({ranked}, CASE WHEN bool_or(state = '{INVALID}') "
        f"THEN '{INVALID}' ELSE '{MISSING}' END) AS state FROM (SELECT person_id, "
        f"{value} AS value, min({state}) AS state, count(*) AS n FROM record "
        "GROUP BY ALL) GROUP BY person_id"
    )
