-- Police case numbers that schools wrote down, and how many of them the police have.
-- Reads: school__discipline_incident, police_rms__incident.
WITH

written AS (
    SELECT DISTINCT case_number
    FROM school__discipline_incident
    WHERE case_number IS NOT NULL
),

known AS (
    SELECT DISTINCT case_number FROM police_rms__incident
)

SELECT
    COUNT(known.case_number) AS found,
    COUNT(*) AS compared
FROM written
LEFT JOIN known ON written.case_number = known.case_number
