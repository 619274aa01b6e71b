-- What each feed is complete through.
-- Grain: one row a feed.
-- Key: feed.
-- Reads: source_states.
-- Why: a gap in a table may be a gap in the world or a feed that did not come. A feed that
-- was held or late is carried forward from the night named, and marked.
SELECT
    feed,
    agency,
    sector,
    night AS complete_through,
    carried AS carried_forward,
    rows
FROM source_states
ORDER BY feed
