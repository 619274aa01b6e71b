"""The parole authority: people whom an arrest brought to prison and who came back."""

from simulator.agencies.agency import Agency
from simulator.probation_files import ETHNICITY, RACE, SEX
from simulator.serving import Delivery

# One arrest in so many ends in prison; a stay lasts this many days and some more.
_IMPRISONED, _STAY, _ON_PAROLE = "a.seq % 4 <> 1", 60, 240

_RELEASES = f"""
  SELECT a.seq, t.*, a.day + {_STAY} + a.seq % 120 AS released
  FROM arrest a JOIN police_rms_person p ON p.seq = a.record
  JOIN truth t ON t.person = p.person
  WHERE a.gone IS NULL AND a.juvenile IS NULL AND {_IMPRISONED}"""


def selects(d: Delivery) -> dict[str, str]:
    """Give the query of each resource: releases up to tonight and whose they are."""
    today = d.night.today
    return {
        "persons": f"""
          SELECT DISTINCT ON (t.person) {_ID} AS person_id,
            {{'first': first_name, 'middle': middle_name, 'last': surname,
              'suffix': nullif(suffix, '')}} AS name,
            CASE WHEN t.person % 61 = 5 THEN '20310517'
              ELSE strftime(birth, '%Y%m%d') END AS birth_date,
            {SEX} AS sex, {RACE} AS race, {ETHNICITY} AS ethnicity,
            CASE WHEN t.person % 3 <> 0 THEN ssn END AS ssn,
            state_id::VARCHAR AS state_id,
            {{'street': street_line(house, street_name, unit), 'city': city,
              'state': 'IL', 'zip': zip}} AS address,
            phone, NULL::VARCHAR AS email
          FROM ({_RELEASES}) t JOIN place USING (place)
          WHERE released <= {today} ORDER BY t.person""",
        "parole-periods": f"""
          SELECT 'PR' || lpad(seq::VARCHAR, 8, '0') AS period_id, {_ID} AS person_id,
            on_day(released) AS release_date,
            on_day(released - seq % 40) AS minimum_release_date,
            CASE WHEN released + {_ON_PAROLE} <= {today}
              THEN on_day(released + {_ON_PAROLE}) END AS end_date,
            CASE WHEN seq % 29 = 7 THEN 'UNKNOWN'
              ELSE ['DISCRETIONARY', 'MANDATORY'][1 + seq % 2] END AS board_decision,
            3 + seq % 9 AS conditions,
            ['MEDIUM', 'HIGH', 'MINIMUM', 'MAXIMUM'][1 + seq % 4] AS level,
            CASE WHEN released + {_ON_PAROLE} <= {today}
              THEN ['EXPIRATION', 'DISCHARGE', 'REVOCATION'][1 + seq % 3] END
              AS termination_reason,
            'PA' || lpad((seq % 30)::VARCHAR, 3, '0') AS officer_id
          FROM ({_RELEASES}) t WHERE released <= {today} ORDER BY seq""",
    }


_ID = "'PL' || lpad((t.person + 1)::VARCHAR, 8, '0')"
AGENCY = Agency(
    "parole",
    "rest",
    ("persons", "parole-periods"),
    selects,
    persons=f"SELECT DISTINCT {_ID} AS source_id, t.person, true AS existing "
    f"FROM ({_RELEASES}) t",
)
