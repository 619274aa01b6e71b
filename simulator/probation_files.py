"""What the probation office serves each night: the full snapshot of three resources."""

from simulator.defects import served
from simulator.serving import Delivery

RESOURCES = ("persons", "supervision-periods", "violations")
SEX = "CASE sex WHEN 'M' THEN 'Male' WHEN 'F' THEN 'Female' ELSE 'Unknown' END"
RACE = (
    "CASE race WHEN 'W' THEN 'WHITE' WHEN 'B' THEN 'BLACK' WHEN 'A' THEN 'ASIAN' "
    "WHEN 'I' THEN 'AMERICAN_INDIAN' WHEN 'P' THEN 'PACIFIC_ISLANDER' ELSE 'UNKNOWN' END"  # noqa: E501
)
ETHNICITY = (
    "CASE ethnicity WHEN 'H' THEN 'HISPANIC' WHEN 'N' THEN 'NOT_HISPANIC' "
    "ELSE 'UNKNOWN' END"
)


def write(delivery: Delivery) -> None:
    """Write the snapshot; whoever is missing from it has been deleted."""
    for resource, select in selects().items():
        delivery.ndjson(f"{resource}.ndjson", select)


def selects() -> dict[str, str]:
    """Give the query of each resource."""
    t = "probation_person"
    born = served(t, "birth_date", "replace(birth_date, '-', '')")
    return {
        "persons": f"""
          SELECT probation_person_id(seq) AS person_id,
            {{'first': first_name, 'middle': middle_name, 'last': last_name,
              'suffix': suffix}} AS name,
            {born} AS birth_date, {served(t, "sex", SEX)} AS sex, {RACE} AS race,
            {ETHNICITY} AS ethnicity, ssn, state_id,
            {{'street': street, 'city': city, 'state': state, 'zip': zip}} AS address,
            phone, email
          FROM {t} WHERE gone IS NULL ORDER BY seq""",
        "supervision-periods": f"""
          SELECT period_id(seq) AS period_id,
            {served("period", "person_id", "probation_person_id(record)")} AS person_id,
            type, on_day(start_day) AS start_date,
            {served("period", "end_date", "on_day(end_day)::VARCHAR")} AS end_date,
            admission AS admission_reason, termination AS termination_reason,
            {served("period", "level", "level")} AS level,
            'PO' || lpad(officer::VARCHAR, 3, '0') AS officer_id,
            arrest_id(arrest) AS arrest_number
          FROM period WHERE gone IS NULL ORDER BY seq""",
        "violations": f"""
          SELECT violation_id(seq) AS violation_id,
            {served("violation", "period_id", "period_id(period)")} AS period_id,
            probation_person_id(record) AS person_id,
            {served("violation", "violation_date", "on_day(day)::VARCHAR")}
              AS violation_date,
            {served("violation", "type", "type")} AS type, severity
          FROM violation WHERE gone IS NULL ORDER BY seq""",
    }
