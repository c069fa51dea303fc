-- The pages that are looked at most: groups by long texts.
SELECT url, count(*) AS views
FROM hits
GROUP BY url
ORDER BY views DESC, url
LIMIT 10
