-- Dashboard: days and hours.
SELECT event_date, local_hour, count(*), count(DISTINCT user_id)
FROM hits
WHERE counter_id = ? AND event_date >= ? AND event_date < ?
GROUP BY event_date, local_hour
ORDER BY event_date, local_hour
LIMIT 200
