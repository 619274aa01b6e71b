-- Violations of the conditions of supervision.
-- Grain: one row a violation.
-- Key: violation_id.
-- Reads: probation__violation.
-- Why: how supervision goes; technical violations are told from new offenses by type.
SELECT
    violation_id,
    period_id,
    person_token,
    violation_date AS violated_on,
    type AS violation_type,
    severity
FROM probation__violation
ORDER BY violation_id
