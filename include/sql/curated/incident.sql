-- Incidents as the police reported them.
-- Grain: one row an incident report.
-- Key: incident_id.
-- Reads: police_rms__incident.
-- Why: what happened, when and of what kind; offenses, people and arrests point here.
-- case_token is the case number that schools write down too.
SELECT
    incident_id,
    ori AS agency_id,
    case_number AS case_token,
    occurred_at AS occurred_on,
    reported_at AS reported_on,
    clearance,
    clearance_date AS cleared_on,
    place_token,
    location_code
FROM police_rms__incident
ORDER BY incident_id
