-- The lengths of addresses, by site.
SELECT counter_id, avg(length(url)), count(*) AS views
FROM hits
GROUP BY counter_id
HAVING count(*) > ?
ORDER BY views DESC, counter_id
LIMIT 25
