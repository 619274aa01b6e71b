-- Injuries treated at the hospital and what caused them.
-- Grain: one row a diagnosis of an injury or of its external cause (ICD-10-CM S00 to T79
-- and V00 to Y38). Diagnoses refuted or entered in error are left out.
-- Key: condition_id.
-- Reads: hospital__condition, hospital__encounter.
-- Why: assaults that the police never hear of. An assault is X92 to Y09 at the initial
-- encounter (seventh character A), so that a wound is counted once and not at each visit.
-- Y09 has no seventh character; Y07 names the perpetrator and is no assault on its own.
WITH diagnosis AS (
    SELECT
        *,
        LEFT(diagnosis, 3) AS category,
        SUBSTR(REPLACE(diagnosis, '.', ''), 7, 1) AS visit
    FROM hospital__condition
    WHERE COALESCE(verification, '') NOT IN ('refuted', 'entered-in-error')
),

caused AS (
    SELECT
        *,
        category BETWEEN 'X92' AND 'Y09'
        AND category <> 'Y07'
        AND (visit = 'A' OR diagnosis = 'Y09') AS is_assault,
        CASE
            WHEN NOT is_assault THEN NULL
            WHEN category = 'X92' THEN 'drowning'
            WHEN category BETWEEN 'X93' AND 'X95' THEN 'firearm'
            WHEN category = 'X96' THEN 'explosive'
            WHEN category BETWEEN 'X97' AND 'X98' THEN 'burn'
            WHEN category = 'X99' THEN 'sharp_object'
            WHEN category = 'Y00' THEN 'blunt_object'
            WHEN category BETWEEN 'Y01' AND 'Y02' THEN 'push'
            WHEN category = 'Y03' THEN 'vehicle'
            WHEN category = 'Y04' THEN 'bodily_force'
            WHEN category = 'Y08' THEN 'other'
            ELSE 'unspecified'
        END AS mechanism
    FROM diagnosis
    WHERE category BETWEEN 'S00' AND 'T79' OR category BETWEEN 'V00' AND 'Y38'
)

SELECT
    caused.condition_id,
    caused.encounter_id,
    caused.person_token,
    caused.diagnosis,
    caused.is_assault,
    caused.mechanism,
    caused.verification,
    caused.recorded_on,
    encounter.class AS encounter_class,
    encounter.started_at AS arrived_on,
    encounter.age_at_arrival
FROM caused
LEFT JOIN hospital__encounter AS encounter
    ON caused.encounter_id = encounter.encounter_id
ORDER BY caused.condition_id
