"""Make person records comparable, so that unknown values never look alike."""

from datetime import date
from pathlib import Path

import duckdb

from concord.contracts.persons import PERSON_RECORD
from concord.duck import one, quoted
from concord.linkage.texts import add_text_functions
from concord.settings import PROJECT

LINKAGE = PROJECT / "include" / "linkage"
STANDARDISED = "person_standardised"
COMPARED = {
    "first_name": "first_name",
    "last_name": "last_name",
    "birth_date": "dob",
    "ssn": "ssn",
    "state_id": "state_id",
    "student_number": "student_number",
    "medical_number": "medical_number",
    "phone": "phone",
    "email": "email",
}


def standardise(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    night: date | None = None,
    folder: Path = LINKAGE,
) -> str:
    """Write the standardised form of a relation of person records to a new table.

    Args:
        con: The connection that holds the relation and receives the table.
        relation: A table or view with the vault's person record columns.
        night: The night of the records; a birth date after it is unknown.
        folder: Where ``standardise.sql``, its steps and ``nicknames.csv`` lie.

    Returns:
        The name of the new table.
    """
    add_steps(con, folder)
    con.execute(f"CREATE OR REPLACE TEMP VIEW person_record AS FROM {_whole(relation)}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE nickname AS "
        "SELECT name, LIST(canonical ORDER BY canonical) AS canonicals "
        "FROM read_csv(?, header = true, comment = '#') GROUP BY name",
        [str(folder / "nicknames.csv")],
    )
    query = (folder / "standardise.sql").read_text(encoding="utf-8")
    con.execute(f"CREATE OR REPLACE TABLE {STANDARDISED} AS\n{query}", {"night": night})
    con.execute("DROP VIEW person_record")
    return STANDARDISED


def add_steps(con: duckdb.DuckDBPyConnection, folder: Path = LINKAGE) -> None:
    """Add the named steps of ``steps.sql`` to a connection."""
    add_text_functions(con)
    con.execute((folder / "steps.sql").read_text(encoding="utf-8"))


def set_aside(
    con: duckdb.DuckDBPyConnection, relation: str, standardised: str
) -> dict[str, int]:
    """Count values that stand for no value, such as UNKNOWN or 01/01/1900.

    They are unknown to linkage: no two records are compared, or even looked at
    together, because of them. The vault keeps them as they were written.
    """
    written = ", ".join(
        f"count(nullif(trim({name}::VARCHAR), ''))" for name in COMPARED
    )
    used = ", ".join(f"count({name})" for name in COMPARED.values())
    before = one(con, f"SELECT {written} FROM {_whole(relation)}")
    after = one(con, f"SELECT {used} FROM {quoted(standardised)}")
    counts = (b - a for b, a in zip(before, after, strict=True))
    return dict(zip(COMPARED, counts, strict=True))


def _whole(relation: str) -> str:
    """Return SQL of person records with every column.

    One that was kept before a column came to be knows nothing there.
    """
    nothing = ", ".join(
        f"NULL::{'DATE' if field.name == 'birth_date' else 'VARCHAR'} AS {field.name}"
        for field in PERSON_RECORD
    )
    return f"(SELECT {nothing} WHERE false UNION ALL BY NAME FROM {quoted(relation)})"
