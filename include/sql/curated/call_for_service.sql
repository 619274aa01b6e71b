-- Calls for service and how they were answered.
-- Grain: one row a call.
-- Key: call_id.
-- Reads: police_cad__call, police_cad__unit_response.
-- Why: what people call the police for, whether or not a report follows; case_token joins
-- the police's incident where one did. Duplicates name the call they were merged into and
-- are counted once by leaving out rows with merged_into. Officer-initiated calls (source
-- OFFICER) have no response time that means anything, so none is given.
WITH sent AS (
    SELECT
        call_id,
        COUNT(*) AS units
    FROM police_cad__unit_response
    GROUP BY call_id
)

SELECT
    calls.call_id,
    calls.ori AS agency_id,
    calls.parent_call_id AS merged_into,
    calls.source,
    calls.initial_type,
    calls.final_type,
    calls.priority,
    calls.created_at AS created_on,
    calls.disposition,
    calls.mental_health,
    calls.domestic,
    calls.report_number AS case_token,
    calls.place_token,
    CASE
        WHEN calls.source <> 'OFFICER' THEN calls.response_seconds
    END AS response_seconds,
    COALESCE(sent.units, 0) AS units
FROM police_cad__call AS calls
LEFT JOIN sent ON calls.call_id = sent.call_id
ORDER BY calls.call_id
