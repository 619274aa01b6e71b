-- Incidents at schools.
-- Grain: one row an incident of a school.
-- Key: discipline_incident_id, school_id.
-- Reads: school__discipline_incident.
-- Why: case_token joins the police's incident of the same case. Should the district hold
-- an incident twice, one row is published and records says how many it stands for.
WITH counted AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY incident_identifier, school_id
            ORDER BY incident_date, location, behavior, reported_to_police, case_number
        ) AS nth_record,
        COUNT(*) OVER (PARTITION BY incident_identifier, school_id) AS records
    FROM school__discipline_incident
)

SELECT
    incident_identifier AS discipline_incident_id,
    school_id,
    incident_date AS occurred_on,
    location,
    behavior,
    reported_to_police,
    case_number AS case_token,
    records
FROM counted
WHERE nth_record = 1
ORDER BY discipline_incident_id, school_id
