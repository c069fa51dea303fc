-- Dashboard: the pages of a site in a month.
SELECT title, count(*) AS views
FROM hits
WHERE counter_id = ? AND event_date >= ? AND event_date < ? AND is_refresh = 0
GROUP BY title
ORDER BY views DESC, title
LIMIT 10
