"""The vault's person record: what an agency's record of somebody can say."""

import pyarrow as pa

PERSON_ATTRIBUTES = (
    "first_name",
    "middle_name",
    "last_name",
    "suffix",
    "birth_date",
    "sex",
    "race",
    "ethnicity",
    "ssn",
    "state_id",
    "student_number",
    "medical_number",
    "phone",
    "email",
    "street",
    "city",
    "state",
    "zip",
)
PERSON_RECORD = pa.schema(
    [
        (name, pa.date32() if name == "birth_date" else pa.string())
        for name in ("record_key", "feed", "source_id", *PERSON_ATTRIBUTES)
    ]
)
