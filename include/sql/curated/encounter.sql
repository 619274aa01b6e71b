-- Visits to the hospital.
-- Grain: one row an encounter.
-- Key: encounter_id.
-- Reads: hospital__encounter.
-- Why: injuries and their treatment, whether or not the police know of them. Cancelled
-- encounters stay, marked by status, so that counts agree with the hospital's.
SELECT
    encounter_id,
    person_token,
    class AS encounter_class,
    status,
    started_at AS arrived_on,
    ended_at AS left_on,
    disposition,
    age_at_arrival
FROM hospital__encounter
ORDER BY encounter_id
