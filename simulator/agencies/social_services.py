"""Homelessness services: an HMIS extract of people of the county without a home."""

from simulator.agencies.agency import Agency
from simulator.serving import Delivery

_CLIENTS = "person % 29 = 3"
_ID = "'HM' || lpad((person + 1)::VARCHAR, 8, '0')"
_DATES = (
    "strftime(on_day(since), '%Y-%m-%d 09:00:00') AS DateCreated, "
    "strftime(on_day(since), '%Y-%m-%d 09:00:00') AS DateUpdated, 'HU1' AS UserID"
)


def selects(d: Delivery) -> dict[str, str]:
    """Give the query of each file: everything up to tonight."""
    today, export = d.night.today, f"'E{d.night.date:%Y%m%d}'"
    stays = f"""
      SELECT *, {d.night.history_start} + (person * 37) % 330 AS since,
        {d.night.history_start} + (person * 37) % 330 + 5 + person % 150 AS until
      FROM truth WHERE {_CLIENTS}
        AND {d.night.history_start} + (person * 37) % 330 < {today}"""
    deleted = "CASE WHEN person % 11 = 6 THEN '2026-01-04 10:00:00' END"
    stay = "'EN' || lpad((person + 1)::VARCHAR, 8, '0') AS EnrollmentID"
    return {
        "Export": f"""
          SELECT {export} AS ExportID, 1 AS SourceType, DATE '{d.night.date}'
              AS ExportDate, 'Springfield HMIS' AS SoftwareName,
            '2026 v1' AS CSVVersion, 1 AS HashStatus, NULL AS DateDeleted""",
        "Client": f"""
          SELECT {_ID} AS PersonalID, first_name AS FirstName,
            middle_name AS MiddleName, surname AS LastName, suffix AS NameSuffix,
            1 AS NameDataQuality,
            CASE WHEN person % 5 = 1 THEN NULL ELSE replace(ssn, '-', '') END AS SSN,
            CASE WHEN person % 5 = 1 THEN 9 ELSE 1 END AS SSNDataQuality,
            CASE WHEN person % 47 = 8 THEN '2031-05-17' ELSE birth::VARCHAR END AS DOB,
            1 AS DOBDataQuality, CASE sex WHEN 'F' THEN 0 ELSE 1 END AS Sex,
            (race = 'W')::INTEGER AS White, 99 AS VeteranStatus, {_DATES},
            NULL AS DateDeleted, {export} AS ExportID
          FROM ({stays}) ORDER BY person""",
        "Enrollment": f"""
          SELECT {stay}, {_ID} AS PersonalID, 'PJ' || (person % 6) AS ProjectID,
            on_day(since) AS EntryDate,
            'HH' || lpad((person + 1)::VARCHAR, 8, '0') AS HouseholdID,
            1 AS RelationshipToHoH,
            [101, 116, 207, 206, 410, 8][1 + person % 6] AS LivingSituation,
            [0, 1, 0, 99][1 + person % 4] AS DisablingCondition, NULL AS MoveInDate,
            {_DATES}, {deleted} AS DateDeleted, {export} AS ExportID
          FROM ({stays}) ORDER BY person""",
        "Exit": f"""
          SELECT 'EX' || lpad((person + 1)::VARCHAR, 8, '0') AS ExitID, {stay},
            {_ID} AS PersonalID, on_day(until) AS ExitDate,
            CASE WHEN person // 29 % 30 = 5 THEN 777
              ELSE [410, 435, 422, 101, 30][1 + person % 5] END AS Destination,
            {_DATES}, {deleted} AS DateDeleted, {export} AS ExportID
          FROM ({stays}) WHERE until <= {today} ORDER BY person""",
        "Services": f"""
          SELECT 'SV' || lpad((person * 4 + nth)::VARCHAR, 9, '0') AS ServicesID,
            {stay}, {_ID} AS PersonalID, on_day(since + nth) AS DateProvided,
            200 AS RecordType, 200 AS TypeProvided, {_DATES},
            {deleted} AS DateDeleted, {export} AS ExportID
          FROM ({stays}), (SELECT unnest([0, 1, 2]) AS nth)
          WHERE since + nth < {today} ORDER BY person, nth""",
    }


AGENCY = Agency(
    "social_services",
    "sftp",
    ("Export", "Client", "Enrollment", "Exit", "Services"),
    selects,
    persons=f"SELECT {_ID} AS source_id, person, true AS existing FROM truth "
    f"WHERE {_CLIENTS}",
    zipped="hmis.zip",
)
