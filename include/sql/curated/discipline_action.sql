-- What schools did about discipline incidents.
-- Grain: one row a disciplinary action against a student.
-- Key: person_token, action_seq.
-- Reads: school__discipline_action.
-- Why: suspensions and referrals by school and kind. One action number may cover several
-- students and days, and the days are coarsened, so a person's actions are numbered by
-- what is published of them.
WITH numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY person_token
            ORDER BY
                action_date, action_identifier, school_id, incident_identifier,
                discipline, length_days, age_at_action
        ) AS action_seq
    FROM school__discipline_action
)

SELECT
    person_token,
    action_seq,
    action_identifier AS discipline_action_id,
    incident_identifier AS discipline_incident_id,
    school_id,
    action_date AS acted_on,
    discipline,
    length_days,
    age_at_action
FROM numbered
ORDER BY person_token, action_seq
