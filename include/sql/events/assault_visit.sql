-- Visits to the emergency department because of an assault.
-- Grain: one row an encounter.
-- Reads: hospital__encounter, hospital__condition, trait (record_key, sex, zip).
-- Why: X92 to Y09 is an assault, at the initial encounter alone (seventh character A), so
-- that a wound is counted once; Y09 has no such character, Y07 names the perpetrator.
SELECT
    encounter.encounter_id,
    encounter.started_at AS arrived_at,
    encounter.age_at_arrival AS age,
    trait.sex,
    trait.zip
FROM hospital__encounter AS encounter
LEFT JOIN trait ON encounter.record_key = trait.record_key
WHERE
    encounter.class = 'EMER'
    AND encounter.started_at IS NOT NULL
    AND COALESCE(encounter.status, '') <> 'cancelled'
    AND encounter.encounter_id IN (
        SELECT cause.encounter_id
        FROM hospital__condition AS cause
        WHERE
            COALESCE(cause.verification, '') NOT IN ('refuted', 'entered-in-error')
            AND LEFT(cause.diagnosis, 3) BETWEEN 'X92' AND 'Y09'
            AND LEFT(cause.diagnosis, 3) <> 'Y07'
            AND (
                cause.diagnosis = 'Y09'
                OR SUBSTR(REPLACE(cause.diagnosis, '.', ''), 7, 1) = 'A'
            )
    )
ORDER BY encounter.encounter_id
