-- The few hits of one visitor: a scan, for no index helps.
SELECT event_id, event_time, url
FROM hits
WHERE user_id = ?
ORDER BY event_id
LIMIT 100
