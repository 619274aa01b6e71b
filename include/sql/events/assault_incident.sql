-- Victims of assaults that the police know of.
-- Grain: one row a victim's record of an incident with an assault.
-- Reads: police_rms__incident, police_rms__offense, police_rms__involvement, trait
-- (record_key, sex), spot (place_key, zip).
-- Why: assault, robbery, rape and intimidation by NIBRS code can end at the hospital.
SELECT
    incident.incident_id,
    incident.occurred_at,
    involvement.age_at_incident AS age,
    trait.sex,
    spot.zip
FROM police_rms__incident AS incident
INNER JOIN police_rms__involvement AS involvement
    ON incident.incident_id = involvement.incident_id AND involvement.role = 'victim'
LEFT JOIN trait ON involvement.record_key = trait.record_key
LEFT JOIN spot ON incident.place_key = spot.place_key
WHERE
    incident.incident_id IN (
        SELECT offense.incident_id
        FROM police_rms__offense AS offense
        WHERE offense.ucr_code IN ('13A', '13B', '13C', '120', '11A')
    )
ORDER BY incident.incident_id, involvement.seq
