-- Report numbers that police dispatch wrote down, and how many of them records has.
-- Reads: police_cad__call, police_rms__incident.
WITH

written AS (
    SELECT DISTINCT report_number
    FROM police_cad__call
    WHERE report_number IS NOT NULL
),

known AS (
    SELECT DISTINCT case_number FROM police_rms__incident
)

SELECT
    COUNT(known.case_number) AS found,
    COUNT(*) AS compared
FROM written
LEFT JOIN known ON written.report_number = known.case_number
