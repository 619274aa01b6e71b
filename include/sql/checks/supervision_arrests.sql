-- Arrests that led to supervision by probation's records, and how many the police have.
-- Reads: probation__supervision_period, police_rms__arrest.
WITH

written AS (
    SELECT DISTINCT arrest_number
    FROM probation__supervision_period
    WHERE arrest_number IS NOT NULL
),

known AS (
    SELECT DISTINCT arrest_id FROM police_rms__arrest
)

SELECT
    COUNT(known.arrest_id) AS found,
    COUNT(*) AS compared
FROM written
LEFT JOIN known ON written.arrest_number = known.arrest_id
