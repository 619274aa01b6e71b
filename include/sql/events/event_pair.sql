-- Which visit to the emergency department belongs to which police incident.
-- Grain: one row a visit and an incident that are each other's best.
-- Reads: assault_visit, assault_incident.
-- Why: weights are log2 odds (m among pairs of one event over u among others): the victim
-- reaches the hospital within four hours (m .90, u .16), has the same age in years
-- (.93, .015) and sex (.98, .5), and lives in the ZIP code where it happened (.5, .1).
-- Before any of it is looked at, half of the visits have an incident, and it is one of
-- all that happened in the day before the visit. Neither name nor person id is used.
WITH near AS (
    SELECT
        visit.encounter_id,
        incident.incident_id,
        DATE_DIFF('minute', incident.occurred_at, visit.arrived_at) AS lag,
        ABS(visit.age - incident.age) AS years_apart,
        visit.sex = incident.sex AS same_sex,
        LEFT(visit.zip, 5) = LEFT(incident.zip, 5) AS same_zip
    FROM assault_visit AS visit
    INNER JOIN assault_incident AS incident
        ON
            incident.occurred_at
            BETWEEN visit.arrived_at - INTERVAL 1 DAY
            AND visit.arrived_at + INTERVAL 30 MINUTE
),

weighed AS (
    SELECT
        encounter_id,
        incident_id,
        CASE WHEN lag <= 240 THEN 2.5 WHEN lag <= 720 THEN -2.0 ELSE -4.6 END
        + CASE
            WHEN years_apart IS NULL THEN 0
            WHEN years_apart = 0 THEN 6.0
            WHEN years_apart = 1 THEN 0.4
            ELSE -5.0
        END
        + CASE WHEN same_sex IS NULL THEN 0 WHEN same_sex THEN 1.0 ELSE -4.6 END
        + CASE WHEN same_zip IS NULL THEN 0 WHEN same_zip THEN 2.3 ELSE -0.8 END
            AS weight
    FROM near
),

best_victim AS (
    SELECT
        encounter_id,
        incident_id,
        MAX(weight) AS weight
    FROM weighed
    GROUP BY encounter_id, incident_id
),

likely AS (
    SELECT
        encounter_id,
        incident_id,
        weight - LOG2(COUNT(*) OVER (PARTITION BY encounter_id)) - 1 AS weight
    FROM best_victim
),

ranked AS (
    SELECT
        encounter_id,
        incident_id,
        weight,
        ROW_NUMBER() OVER (
            PARTITION BY encounter_id ORDER BY weight DESC, incident_id ASC
        ) AS of_visit,
        ROW_NUMBER() OVER (
            PARTITION BY incident_id ORDER BY weight DESC, encounter_id ASC
        ) AS of_incident
    FROM likely
    WHERE weight >= 0
)

SELECT
    encounter_id,
    incident_id,
    ROUND(weight, 2) AS weight
FROM ranked
WHERE of_visit = 1 AND of_incident = 1
ORDER BY encounter_id
