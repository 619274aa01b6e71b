"""Person records with known truth, for tests and benchmarks of linkage.

Two sources: the four agencies of ``../shared/data/linkage_four_agencies`` and the
county that the simulator writes. Both come out in the vault's person record schema.
Race and ethnicity stay empty: linkage doesn't read them.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from concord.contracts.persons import PERSON_RECORD
from concord.linkage.datasets import TRUTH, load_dataset

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared" / "data"
FOUR_AGENCIES = SHARED / "linkage_four_agencies"

# What the police's columns call as a person record does, and write as text.
POLICE_COLUMNS = (
    "first_name", "middle_name", "last_name", "suffix", "ssn", "state_id", "phone",
    "street", "city", "state", "zip",
)  # fmt: skip
SCHOOL_EDORG = "studentEducationOrganizationAssociations"


def person_records(rows: list[dict[str, object]]) -> pa.Table:
    """Return rows as person records; what a row leaves out is unknown."""
    numbered = [{"record_key": f"{n:04d}", **row} for n, row in enumerate(rows)]
    return pa.Table.from_pylist(numbered, schema=PERSON_RECORD)


def four_agencies() -> tuple[pa.Table, pa.Table]:
    """Return person records and truth of the four agencies."""
    known = load_dataset("four_agencies").read(SHARED)
    return known.records, known.truth


def county(root: Path, night: str) -> tuple[pa.Table, pa.Table]:
    """Return person records and truth of a simulated county's first night.

    Args:
        root: Where the simulator wrote.
        night: The first night, e.g. ``2026-01-05``; it holds every record.
    """
    con = duckdb.connect()
    served = root / "served"
    selects = [
        f"SELECT '{feed}:' || source_id AS record_key, '{feed}' AS feed, * FROM ({sql})"
        for feed, sql in (
            ("police_rms", _police(served, night)),
            ("probation", _probation(served, night)),
            ("school", _school(served, night)),
            ("hospital", _hospital(served, night)),
        )
    ]
    records = con.sql(" UNION ALL BY NAME ".join(selects)).to_arrow_table()
    truth_file = root / "truth" / night / "record_person.parquet"
    truth = con.sql(
        "SELECT feed || ':' || source_id AS record_key, "
        f"CAST(person AS VARCHAR) AS person FROM '{truth_file}'"
    ).to_arrow_table()
    return records.select(PERSON_RECORD.names).cast(PERSON_RECORD), truth.cast(TRUTH)


def _police(served: Path, night: str) -> str:
    """Return the SQL of the police's person records."""
    files = served / "police_rms" / night.replace("-", "") / "police_rms_person_*.csv"
    columns = {name: name for name in POLICE_COLUMNS} | {
        "source_id": "person_id",
        "birth_date": "TRY_CAST(birth_date AS DATE)",
        "sex": "CASE WHEN sex IN ('M', 'F') THEN sex END",
    }
    return f"SELECT {_select(columns)} FROM read_csv('{files}', all_varchar = true)"


def _probation(served: Path, night: str) -> str:
    """Return the SQL of probation's person records."""
    columns = {
        "source_id": "CAST(person_id AS VARCHAR)",
        "first_name": '"name"."first"',
        "middle_name": '"name"."middle"',
        "last_name": '"name"."last"',
        "suffix": '"name"."suffix"',
        "birth_date": "TRY_STRPTIME(CAST(birth_date AS VARCHAR), '%Y%m%d')",
        "sex": "CASE sex WHEN 'Male' THEN 'M' WHEN 'Female' THEN 'F' END",
        "street": "address.street",
        "city": "address.city",
        "state": "address.state",
        "zip": "CAST(address.zip AS VARCHAR)",
        **{n: f"CAST({n} AS VARCHAR)" for n in ("ssn", "state_id", "phone", "email")},
    }
    file = served / "probation" / night / "persons.ndjson"
    return f"SELECT {_select(columns)} FROM {_ndjson(file)}"


def _school(served: Path, night: str) -> str:
    """Return the SQL of the school's students with their addresses."""
    columns = {
        "source_id": "CAST(s.studentUniqueId AS VARCHAR)",
        "first_name": "s.firstName",
        "middle_name": "s.middleName",
        "last_name": "s.lastSurname",
        "suffix": "s.generationCodeSuffix",
        "birth_date": "TRY_CAST(s.birthDate AS DATE)",
        "sex": "CASE SPLIT_PART(s.birthSexDescriptor, '#', 2) "
        "WHEN 'Male' THEN 'M' WHEN 'Female' THEN 'F' END",
        "street": "a.addresses[1].streetNumberName",
        "city": "a.addresses[1].city",
        "state": "SPLIT_PART(a.addresses[1].stateAbbreviationDescriptor, '#', 2)",
        "zip": "CAST(a.addresses[1].postalCode AS VARCHAR)",
        "phone": "CAST(a.telephones[1].telephoneNumber AS VARCHAR)",
    }
    folder = served / "school" / night
    return (
        f"SELECT {_select(columns)} FROM {_ndjson(folder / 'students.ndjson')} AS s "
        f"LEFT JOIN {_ndjson(folder / f'{SCHOOL_EDORG}.ndjson')} AS a "
        "ON s.studentUniqueId = a.studentReference.studentUniqueId"
    )


def _hospital(served: Path, night: str) -> str:
    """Return the SQL of the hospital's patients."""
    columns = {
        "source_id": "id",
        "first_name": '"name"[1].given[1]',
        "middle_name": '"name"[1].given[2]',
        "last_name": '"name"[1].family',
        "suffix": '"name"[1].suffix[1]',
        "birth_date": "TRY_CAST(birthDate AS DATE)",
        "sex": "CASE gender WHEN 'male' THEN 'M' WHEN 'female' THEN 'F' END",
        "ssn": "identifier[2].value",
        "phone": "telecom[1].value",
        "email": "telecom[2].value",
        "street": "address[1].line[1]",
        "city": "address[1].city",
        "state": "address[1].state",
        "zip": "address[1].postalCode",
    }
    file = served / "hospital" / night / "Patient.ndjson"
    return f"SELECT {_select(columns)} FROM {_ndjson(file)}"


def _ndjson(file: Path) -> str:
    """Return the SQL that reads one JSON object a line; dates stay text."""
    return (
        f"read_json('{file}', format = 'newline_delimited', sample_size = -1, "
        "dateformat = 'none', timestampformat = 'none')"
    )


def _select(columns: dict[str, str]) -> str:
    """Return a select list of person record columns; the others are null."""
    wanted = [
        name for name in PERSON_RECORD.names if name not in ("record_key", "feed")
    ]
    if "source_id" not in columns:
        wanted.remove("source_id")
    return ", ".join(
        f"CAST({columns.get(name, 'NULL')} AS "
        f"{'DATE' if name == 'birth_date' else 'VARCHAR'}) AS {name}"
        for name in wanted
    )
