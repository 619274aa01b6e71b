-- Offenses within police incidents.
-- Grain: one row an offense of an incident.
-- Key: incident_id, offense_seq.
-- Reads: police_rms__offense.
-- Why: an incident has up to ten offenses; counting incidents by offense needs them apart.
SELECT
    incident_id,
    offense_seq,
    ucr_code,
    attempted_completed,
    weapon_code,
    bias_code
FROM police_rms__offense
ORDER BY incident_id, offense_seq
