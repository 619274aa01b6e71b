-- Releases from prison on parole.
-- Grain: one row a release on parole.
-- Key: period_id.
-- Reads: parole__parole_period.
-- Why: who came back from prison and how it went. It stands beside supervision_period,
-- which has what probation supervises, because a board decides here and a court there.
SELECT
    period_id,
    person_token,
    release_date AS released_on,
    minimum_release_date AS could_be_released_on,
    end_date AS ended_on,
    board_decision,
    conditions,
    level,
    termination_reason,
    age_at_release
FROM parole__parole_period
ORDER BY period_id
