-- Places of incidents and calls for service, by city and ZIP code.
-- Grain: one row an address that some published row points to.
-- Key: place_token.
-- Reads: places, police_rms__incident, police_cad__call.
-- Why: repeat places by neighbourhood. A place that only withheld rows point to is left out,
-- since that it is here would say that something was withheld in its ZIP code.
SELECT
    places.place_token,
    places.state,
    places.city,
    places.zip
FROM places
WHERE
    places.place_token IN (SELECT incident.place_token FROM police_rms__incident AS incident)
    OR places.place_token IN (SELECT calls.place_token FROM police_cad__call AS calls)
ORDER BY places.place_token
