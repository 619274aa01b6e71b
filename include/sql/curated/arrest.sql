-- Arrests by the police.
-- Grain: one row an arrest of a person.
-- Key: arrest_id.
-- Reads: police_rms__arrest.
-- Why: supervision periods name the arrest that led to them by the same token.
SELECT
    arrest_id,
    incident_id,
    person_token,
    arrest_date AS arrested_on,
    age_at_arrest,
    arrest_type,
    ucr_code,
    disposition_under_18
FROM police_rms__arrest
ORDER BY arrest_id
