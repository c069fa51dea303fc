-- Dashboard: the third page of the list of followed links.
SELECT url, count(*) AS views
FROM hits
WHERE counter_id = ? AND event_date >= ? AND event_date < ? AND is_link = 1 AND is_download = 0
GROUP BY url
ORDER BY views DESC, url
LIMIT 10 OFFSET 20
