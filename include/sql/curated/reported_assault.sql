-- Visits to the emergency department because of an assault that the police know of.
-- Grain: one row a visit and the incident of the same assault; each occurs once.
-- Key: encounter_id.
-- Reads: assault_pairs, hospital__encounter, police_rms__incident.
-- Why: an assault treated at the hospital without a row here never reached the police,
-- as far as time, age, sex and ZIP code tell. Event linkage uses no name and no person,
-- so it holds for people who could not be linked, too.
SELECT
    pair.encounter_id,
    pair.incident_id
FROM assault_pairs AS pair
INNER JOIN hospital__encounter AS encounter
    ON pair.encounter_id = encounter.encounter_id
INNER JOIN police_rms__incident AS incident
    ON pair.incident_id = incident.incident_id
ORDER BY pair.encounter_id
