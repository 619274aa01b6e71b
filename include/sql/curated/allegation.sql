-- What is alleged in complaints about the police, and what came of it.
-- Grain: one row an allegation.
-- Key: allegation_id.
-- Reads: complaints__allegation, complaints__officer, complaints__penalty.
-- Why: rates by kind and disposition, and how allegations gather on officers. The board's
-- number of an officer is a token of its own and joins nothing but this table.
SELECT
    allegations.allegation_id,
    allegations.complaint_id,
    allegations.officer_number AS officer_token,
    officers.rank AS officer_rank,
    allegations.fado,
    allegations.disposition,
    allegations.board_date AS decided_on,
    penalties.penalty
FROM complaints__allegation AS allegations
LEFT JOIN complaints__officer AS officers
    ON allegations.officer_number = officers.officer_number
LEFT JOIN complaints__penalty AS penalties
    ON allegations.allegation_id = penalties.allegation_id
ORDER BY allegations.allegation_id
