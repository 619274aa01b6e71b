-- Places where the police reported incidents.
-- Grain: one row an address.
-- Key: place_token.
-- Reads: places.
-- Why: repeat places can be counted by token without anybody knowing the address.
SELECT
    place_token,
    state,
    zip3
FROM places
ORDER BY place_token
