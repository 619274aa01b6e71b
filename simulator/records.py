"""Person records: what each agency wrote down about somebody, errors included."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from simulator import errors
from simulator.errors import PROFILES, draw_errors
from simulator.people import People, people_table
from simulator.randomness import Ints
from simulator.store import Store

_PLACEHOLDER_BIRTH = "1900-01-01"
_MACROS = (
    errors.TYPO_MACRO,
    """
    CREATE OR REPLACE MACRO wrong_digit(word, place, operation) AS
    word[:place - 1] || ((word[place]::INTEGER + operation + 1) % 10)::VARCHAR
      || word[place + 1:]
    """,
    """
    CREATE OR REPLACE MACRO street_line(house, street_name, unit) AS
    house || ' ' || street_name || CASE WHEN unit > 0 THEN ' Apt ' || unit ELSE '' END
    """,
    """
    CREATE OR REPLACE MACRO swap_day_month(day) AS
    CASE WHEN day(day) <= 12 THEN make_date(year(day), day(day), month(day))
    ELSE day END
    """,
)


def store_people(store: Store, people: People) -> None:
    """Put the true persons in the books."""
    for macro in _MACROS:
        store.run(macro)
    store.run(
        "CREATE OR REPLACE TABLE truth AS SELECT * FROM everyone",
        everyone=people_table(people),
    )


def store_places(store: Store, places: pa.Table) -> None:
    """Add addresses to the books."""
    exists = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'place'"
    if store.number(exists):
        store.run("INSERT INTO place SELECT * FROM more_places", more_places=places)
    else:
        store.run("CREATE TABLE place AS SELECT * FROM more_places", more_places=places)


def write_records(
    store: Store,
    rng: np.random.Generator,
    feed: str,
    night: int,
    people: People,
    persons: Ints,
) -> Ints:
    """Add one record for each entry of ``persons``; give the record numbers."""
    if not len(persons):
        return persons
    first = store.next_number(f"{feed}_person")
    numbers = np.arange(first, first + len(persons))
    draws = draw_errors(rng, PROFILES[feed], people.group[persons])
    _stage(store, feed, numbers, persons, draws)
    store.run(
        f"INSERT INTO {feed}_person BY NAME SELECT *, 0 AS defect, {night} AS created, "
        f"{night} AS rev FROM staged ORDER BY seq"
    )
    return numbers


def corrected_records(
    store: Store, rng: np.random.Generator, feed: str, people: People, numbers: Ints
) -> None:
    """Stage the true attributes of these records, for updates to copy from."""
    records, persons = store.columns(
        f"SELECT seq, person FROM {feed}_person "
        "WHERE seq IN (SELECT value FROM looked_at) ORDER BY seq",
        looked_at=pa.table({"value": pa.array(numbers)}),
    )
    draws = draw_errors(rng, PROFILES[feed], people.group[persons], scale=0.0)
    _stage(store, feed, records, persons, draws)


def _stage(
    store: Store,
    feed: str,
    numbers: Ints,
    persons: Ints,
    draws: Mapping[str, pa.Array],
) -> None:
    table = pa.table(
        {
            "seq": pa.array(numbers.astype(np.int32)),
            "person": pa.array(persons.astype(np.int32)),
            **draws,
        }
    )
    store.run(_stage_sql(feed), draws=table)


def _stage_sql(feed: str) -> str:
    e = errors
    # Probation knows the state id of everybody, police of those it fingerprinted.
    known = "true" if feed == "probation" else "fingerprinted"
    return f"""
    CREATE OR REPLACE TEMP TABLE staged AS
    WITH joined AS (
      SELECT d.*, t.* EXCLUDE (person, place, former_place), p.*
      FROM draws d
      JOIN truth t ON t.person = d.person
      JOIN place p ON p.place = CASE WHEN d.place_error = {e.PLACE_FORMER}
        THEN t.former_place ELSE t.place END
    ), spelled AS (
      SELECT *,
        CASE first_error
          WHEN {e.TYPO} THEN typo(first_name, operation, spot, letter)
          WHEN {e.NICKNAME} THEN coalesce(nicknames[1 + spot % len(nicknames)],
            first_name)
          WHEN {e.INITIAL} THEN first_name[1]
          WHEN {e.UNKNOWN_NAME} THEN 'UNKNOWN'
          ELSE first_name END AS given,
        CASE
          WHEN last_error & {1 << e.MAIDEN} > 0 AND maiden <> '' THEN maiden
          WHEN second_surname = '' THEN surname
          WHEN last_error & {1 << e.HALF} > 0 THEN
            CASE WHEN spot % 5 = 0 THEN second_surname ELSE surname END
          WHEN hyphen AND last_error & {1 << e.RESPACED} = 0
            THEN surname || '-' || second_surname
          ELSE surname || ' ' || second_surname END AS family
      FROM joined LEFT JOIN nickname USING (first_name)
    ), typed AS (
      SELECT * REPLACE (
        CASE WHEN last_error & {1 << e.LAST_TYPO} > 0
          THEN typo(family, operation, spot, letter) ELSE family END AS family,
        CASE middle_error WHEN {e.MIDDLE_INITIAL} THEN middle_name[1]
          WHEN {e.MIDDLE_BLANK} THEN '' ELSE middle_name END AS middle_name,
        CASE WHEN place_error = {e.PLACE_TYPO}
          THEN typo(street_name, operation, spot, letter) ELSE street_name
          END AS street_name),
        place_error = {e.PLACE_BLANK} AS nowhere
      FROM spelled
    )
    SELECT seq, person,
      CASE WHEN is_upper THEN upper(f) ELSE f END AS first_name,
      CASE WHEN is_upper THEN upper(m) ELSE m END AS middle_name,
      CASE WHEN is_upper THEN upper(l) ELSE l END AS last_name,
      CASE WHEN suffix_kept THEN nullif(
        CASE WHEN is_upper THEN upper(suffix) ELSE suffix END, '') END AS suffix,
      CASE birth_error
        WHEN {e.DAY_MONTH} THEN swap_day_month(birth)::VARCHAR
        WHEN {e.YEAR_OFF} THEN (birth - INTERVAL 1 YEAR)::DATE::VARCHAR
        WHEN {e.DAY_OFF} THEN make_date(year(birth), month(birth),
          1 + (day(birth) + spot % 9) % 28)::VARCHAR
        WHEN {e.DOB_BLANK} THEN NULL
        WHEN {e.DOB_PLACEHOLDER} THEN '{_PLACEHOLDER_BIRTH}'
        WHEN {e.FIRST_OF_JANUARY} THEN make_date(year(birth), 1, 1)::VARCHAR
        ELSE birth::VARCHAR END AS birth_date,
      CASE WHEN sex_wrong THEN CASE sex WHEN 'M' THEN 'F' ELSE 'M' END ELSE sex
        END AS sex,
      CASE WHEN race_unknown THEN 'U' ELSE race END AS race,
      CASE WHEN race_unknown THEN 'U' ELSE ethnicity END AS ethnicity,
      CASE ssn_error WHEN {e.SSN_BLANK} THEN NULL
        WHEN {e.SSN_DIGIT} THEN wrong_digit(ssn, 8 + spot % 4, operation)
        WHEN {e.SSN_NINES} THEN '999-99-9999'
        WHEN {e.SSN_ZEROS} THEN '000-00-0000' ELSE ssn END AS ssn,
      CASE WHEN has_state_id AND {known} THEN 'IL' || state_id END AS state_id,
      CASE phone_error WHEN {e.PHONE_BLANK} THEN NULL
        WHEN {e.PHONE_FORMER} THEN former_phone
        WHEN {e.PHONE_DIGIT} THEN wrong_digit(phone, 9 + spot % 4, operation)
        ELSE phone END AS phone,
      CASE WHEN wants_email AND has_email THEN lower(first_name) || '.'
        || replace(lower(surname), ' ', '') || person % 1000 || '@example.'
        || (['org', 'net', 'com'])[1 + person % 3] END AS email,
      CASE WHEN nowhere THEN NULL WHEN is_upper
        THEN upper(street_line(house, street_name, unit))
        ELSE street_line(house, street_name, unit) END AS street,
      CASE WHEN nowhere THEN NULL WHEN is_upper THEN upper(city) ELSE city END AS city,
      CASE WHEN nowhere THEN NULL ELSE 'IL' END AS state,
      CASE WHEN nowhere THEN NULL ELSE zip END AS zip
    FROM (SELECT *, CASE WHEN names_swapped THEN family ELSE given END AS f,
      CASE WHEN names_swapped THEN given ELSE family END AS l,
      nullif(middle_name, '') AS m FROM typed)
    """
