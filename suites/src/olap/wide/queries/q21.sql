-- Hosts that visitors come from.
SELECT referer_host, avg(length(referer)), count(*) AS views, min(referer)
FROM hits
WHERE referer <> ''
GROUP BY referer_host
HAVING count(*) > ?
ORDER BY views DESC, referer_host
LIMIT 25
