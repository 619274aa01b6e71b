-- Complaints about the police.
-- Grain: one row a complaint.
-- Key: complaint_id.
-- Reads: complaints__complaint.
-- Why: how many complaints come in and how long they take. Nothing here leads to who
-- complained: no person, no case number, no place.
SELECT
    complaint_id,
    received_date AS received_on,
    incident_date AS occurred_on,
    closed_date AS closed_on,
    reason,
    outcome,
    body_camera
FROM complaints__complaint
ORDER BY complaint_id
