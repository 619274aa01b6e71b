-- What became of tokens that earlier releases had and this one has no more, or not alone.
-- Grain: one row a former token and a token that has some of its records now.
-- Key: former_person_token, person_token.
-- Reads: successions.
-- Why: linkage learns, and people correct it. A file kept from an earlier release is
-- repaired with this table alone: a merged token is replaced by its successor; for a
-- split one the rows are taken anew, since the token can't tell whose each row is. No
-- night is given, since it would tell when an agency met a person.
SELECT
    former_token AS former_person_token,
    person_token,
    kind
FROM successions
ORDER BY former_person_token, person_token
