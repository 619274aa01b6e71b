-- Persons treated for an assault, and whether the police knew them as victims.
-- Grain: one row a person and quarter, before counting.
-- Key: quarter_start, known_to_police, mechanism, sex.
-- Reads: injury, involvement, incident, person.
-- Why: assaults that the police never hear of (the Cardiff model). A person counts once a
-- quarter, by the gravest mechanism, and is known where the police wrote a report in that
-- quarter of which the person is a victim.
WITH assaulted AS (
    SELECT
        person_token,
        arrived_on AS quarter_start,
        MIN(CASE
            WHEN mechanism = 'firearm' THEN 1
            WHEN mechanism = 'sharp_object' THEN 2
            WHEN mechanism IN ('blunt_object', 'vehicle', 'burn', 'explosive') THEN 3
            WHEN mechanism IN ('bodily_force', 'push') THEN 4
            ELSE 5
        END) AS gravity
    FROM injury
    WHERE is_assault AND arrived_on IS NOT NULL
    GROUP BY person_token, arrived_on
),

victim AS (
    SELECT DISTINCT
        involvement.person_token,
        incident.occurred_on AS quarter_start
    FROM involvement
    INNER JOIN incident ON involvement.incident_id = incident.incident_id
    WHERE involvement.role = 'victim'
)

SELECT
    assaulted.quarter_start,
    assaulted.person_token,
    CASE WHEN victim.person_token IS NULL THEN 'no' ELSE 'yes' END AS known_to_police,
    CASE assaulted.gravity
        WHEN 1 THEN 'firearm'
        WHEN 2 THEN 'sharp object'
        WHEN 3 THEN 'other object'
        WHEN 4 THEN 'bodily force'
        ELSE 'other or unknown'
    END AS mechanism,
    COALESCE(CASE WHEN person.sex IN ('F', 'M') THEN person.sex END, 'other or unknown') AS sex
FROM assaulted
LEFT JOIN victim
    ON
        assaulted.person_token = victim.person_token
        AND assaulted.quarter_start = victim.quarter_start
LEFT JOIN person ON assaulted.person_token = person.person_token
ORDER BY assaulted.quarter_start, known_to_police, mechanism, sex
