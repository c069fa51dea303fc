-- A thousand groups, with several aggregates.
SELECT region_id, sum(ad_engine), count(*) AS views, avg(window_width), count(DISTINCT user_id)
FROM hits
GROUP BY region_id
ORDER BY views DESC, region_id
LIMIT 10
