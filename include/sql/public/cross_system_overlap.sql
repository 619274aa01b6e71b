-- Persons whom several systems met in one quarter.
-- Grain: one row a person and quarter, before counting.
-- Key: quarter_start, met_police, met_hospital, met_shelter.
-- Reads: involvement, incident, encounter, shelter_stay.
-- Why: how far the same persons come to the police, the hospital and the shelters, which
-- no agency can see alone.
WITH met AS (
    SELECT
        involvement.person_token,
        incident.occurred_on AS quarter_start,
        'police' AS agency
    FROM involvement
    INNER JOIN incident ON involvement.incident_id = incident.incident_id
    UNION ALL
    SELECT
        person_token,
        arrived_on AS quarter_start,
        'hospital' AS agency
    FROM encounter
    WHERE status <> 'cancelled'
    UNION ALL
    SELECT
        person_token,
        entered_on AS quarter_start,
        'shelter' AS agency
    FROM shelter_stay
)

SELECT
    quarter_start,
    person_token,
    CASE WHEN BOOL_OR(agency = 'police') THEN 'yes' ELSE 'no' END AS met_police,
    CASE WHEN BOOL_OR(agency = 'hospital') THEN 'yes' ELSE 'no' END AS met_hospital,
    CASE WHEN BOOL_OR(agency = 'shelter') THEN 'yes' ELSE 'no' END AS met_shelter
FROM met
WHERE quarter_start IS NOT NULL
GROUP BY quarter_start, person_token
ORDER BY quarter_start, met_police, met_hospital, met_shelter
