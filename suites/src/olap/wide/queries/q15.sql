-- The slowest hits of one visitor: a scan, for no index helps.
SELECT event_id, event_time, url, response_ms
FROM hits
WHERE user_id = ?
ORDER BY response_ms DESC, event_id
LIMIT 20
