-- Anonymous answers of the community survey.
-- Grain: one row a respondent of a wave.
-- Key: response_id.
-- Reads: survey__response.
-- Why: safety and trust by group, and how many victims never told the police. A respondent's
-- groups are given only where at least 11 respondents of the wave share all three, so that
-- nobody is found by who they are; disclosure_state says which.
WITH counted AS (
    SELECT
        *,
        COUNT(*) OVER (PARTITION BY wave, age_group, sex, race) AS alike
    FROM survey__response
)

SELECT
    response_id,
    wave,
    safe_at_night,
    police_trust,
    police_fair,
    police_respond,
    was_victim,
    told_police,
    CASE WHEN alike >= 11 THEN age_group END AS age_group,
    CASE WHEN alike >= 11 THEN sex END AS sex,
    CASE WHEN alike >= 11 THEN race END AS race,
    CASE WHEN alike >= 11 THEN 'ok' ELSE 'suppressed' END AS disclosure_state
FROM counted
ORDER BY response_id
