-- Departures from full attendance at school.
-- Grain: one row a student's absence, lateness or the like on a day.
-- Key: person_token, event_seq.
-- Reads: school__attendance_event.
-- Why: absence comes years before trouble. The district's row id does not leave, so a
-- person's events are numbered by what is published of them, never by arrival.
WITH numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY person_token
            ORDER BY event_date, school_id, session, category, duration
        ) AS event_seq
    FROM school__attendance_event
)

SELECT
    person_token,
    event_seq,
    school_id,
    event_date AS occurred_on,
    session,
    category,
    duration
FROM numbered
ORDER BY person_token, event_seq
