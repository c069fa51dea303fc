-- As many groups as there are: most have one row.
SELECT session_id, client_ip, count(*) AS views, sum(is_refresh), avg(window_width)
FROM hits
GROUP BY session_id, client_ip
ORDER BY views DESC, session_id, client_ip
LIMIT 10
