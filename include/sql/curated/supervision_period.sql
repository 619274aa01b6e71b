-- Periods of probation and other supervision.
-- Grain: one row a period of supervision of one kind.
-- Key: period_id.
-- Reads: probation__supervision_period.
-- Why: who is under supervision, why it began and how it ended. arrest_id joins arrest
-- where the arrest was by a police department that delivers.
SELECT
    period_id,
    person_token,
    type AS supervision_type,
    start_date AS started_on,
    end_date AS ended_on,
    admission_reason,
    termination_reason,
    level,
    arrest_number AS arrest_id,
    age_at_start
FROM probation__supervision_period
ORDER BY period_id
