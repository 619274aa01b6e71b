-- Places of incidents and calls for service.
-- Grain: one row an address.
-- Key: place_token.
-- Reads: places.
-- Why: repeat places can be counted by token without anybody knowing the address. Each
-- feed has tokens of its own, so a call's place is not found among the incidents'.
SELECT
    place_token,
    state,
    zip3
FROM places
ORDER BY place_token
