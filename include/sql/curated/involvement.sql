-- Who was what in a police incident.
-- Grain: one row a person's role in an incident.
-- Key: incident_id, person_token, role.
-- Reads: police_rms__involvement.
-- Why: linkage finds that two of the police's records are one person, and a victim under
-- two numbers is still one victim. The record with the lowest seq is published; records
-- says how many the row stands for, so that nothing is lost from the count.
WITH counted AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY incident_id, person_token, role
            ORDER BY seq, age_at_incident, injury_code, relationship_code
        ) AS nth_record,
        COUNT(*) OVER (PARTITION BY incident_id, person_token, role) AS records
    FROM police_rms__involvement
)

SELECT
    incident_id,
    person_token,
    role,
    seq,
    age_at_incident,
    injury_code,
    relationship_code,
    records
FROM counted
WHERE nth_record = 1
ORDER BY incident_id, person_token, role
