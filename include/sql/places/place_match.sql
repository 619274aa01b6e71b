-- The address of the gazetteer that each place is.
-- Grain: one row a place.
-- Key: place_key.
-- Reads: place, gazetteer (house, direction, name, kind, zip, city as standardised).
-- Why: a map shows only what is found here. House numbers must be the same; a direction or
-- kind of street may be left out, but never be another (Oak St is not Oak Ave). Where two
-- addresses are equally alike, none is taken.
WITH alike AS (
    SELECT
        place.place_key,
        gazetteer.gazetteer_id,
        place.name = gazetteer.name AS same_name,
        place.zip = gazetteer.zip AS same_zip,
        place.city = gazetteer.city AS same_city,
        COALESCE(place.kind, '') = COALESCE(gazetteer.kind, '')
        AND COALESCE(place.direction, '') = COALESCE(gazetteer.direction, '') AS same_rest,
        JARO_WINKLER_SIMILARITY(place.name, gazetteer.name) AS name_similarity
    FROM place
    INNER JOIN gazetteer
        ON
            place.house = gazetteer.house
            AND COALESCE(place.kind = gazetteer.kind, TRUE)
            AND COALESCE(place.direction = gazetteer.direction, TRUE)
),

scored AS (
    SELECT
        place_key,
        gazetteer_id,
        CASE
            WHEN same_name AND same_zip AND same_rest THEN 1.0
            WHEN same_name AND same_zip THEN 0.95
            WHEN same_name AND same_rest AND same_city THEN 0.9
            WHEN same_name AND same_city THEN 0.85
            WHEN same_zip AND name_similarity >= 0.92 THEN 0.8
        END AS score,
        CASE
            WHEN same_name AND same_zip AND same_rest THEN 'exact'
            WHEN same_name AND same_zip THEN 'part left out'
            WHEN same_name AND same_city THEN 'other ZIP code'
            ELSE 'name nearly the same'
        END AS how
    FROM alike
),

best AS (
    SELECT
        place_key,
        MAX(score) AS score,
        MIN_BY(gazetteer_id, (-score, gazetteer_id)) AS gazetteer_id,
        MIN_BY(how, (-score, gazetteer_id)) AS how
    FROM scored
    WHERE score IS NOT NULL
    GROUP BY place_key
),

counted AS (
    SELECT
        best.place_key,
        best.score,
        best.gazetteer_id,
        best.how,
        COUNT(DISTINCT scored.gazetteer_id) AS candidates
    FROM best
    INNER JOIN scored
        ON best.place_key = scored.place_key AND best.score = scored.score
    GROUP BY ALL
)

SELECT
    place.place_key,
    CASE WHEN counted.candidates = 1 THEN counted.gazetteer_id END AS gazetteer_id,
    CASE WHEN counted.candidates = 1 THEN CAST(counted.score AS DOUBLE) END AS score,
    CASE
        WHEN counted.candidates = 1 THEN counted.how
        WHEN counted.candidates > 1 THEN 'several addresses'
        WHEN place.house IS NULL OR place.name IS NULL THEN 'no house and street'
        ELSE 'not in the gazetteer'
    END AS how
FROM place
LEFT JOIN counted ON place.place_key = counted.place_key
ORDER BY place.place_key
