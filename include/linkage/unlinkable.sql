-- Records that linkage can hardly join to any other, by feed and reason.
-- Reads: person_standardised (unknown values are null).
SELECT
    feed,
    CASE
        WHEN
            first_name IS NULL AND last_name IS NULL AND ssn IS NULL AND state_id IS NULL
            THEN 'no name and no number'
        WHEN
            dob IS NULL AND ssn IS NULL AND state_id IS NULL
            AND address IS NULL AND phone IS NULL AND email IS NULL
            THEN 'nothing but a name'
        WHEN
            full_name IS NULL AND dob IS NULL AND ssn IS NULL AND state_id IS NULL
            THEN 'half a name, no birth date, no number'
    END AS reason,
    COUNT(*) AS records
FROM person_standardised
GROUP BY feed, reason
HAVING reason IS NOT NULL
ORDER BY feed, reason
