"""Age in completed years, the one way Concord reckons it."""


def completed_years_sql(birth: str, on: str) -> str:
    """Return a DuckDB expression for the completed years between two dates.

    A year is complete once (month, day) of ``on`` has reached (month, day) of
    ``birth``; who was born on 29 February is a year older on 1 March of a common
    year. DuckDB's ``date_diff('year')`` counts turns of the calendar year instead and
    makes people up to a year too old, so it is never used. The result is negative
    where ``on`` lies before ``birth``, and NULL where either is.

    Args:
        birth: SQL for the date of birth.
        on: SQL for the date or timestamp at which the age is wanted.
    """
    return (
        f"(year({on}) - year({birth}) - CAST("
        f"month({on}) * 32 + day({on}) < month({birth}) * 32 + day({birth})"
        " AS BIGINT))"
    )
