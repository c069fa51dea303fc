-- Dashboard: from where to where; addresses of engines and advertisers are not told.
SELECT traffic_source, search_engine, ad_engine,
       CASE WHEN search_engine = 0 AND ad_engine = 0 THEN referer ELSE '' END AS origin,
       url, count(*) AS views
FROM hits
WHERE counter_id = ? AND event_date >= ? AND event_date < ? AND is_refresh = 0
GROUP BY traffic_source, search_engine, ad_engine, origin, url
ORDER BY views DESC, traffic_source, search_engine, ad_engine, origin, url
LIMIT 10 OFFSET 10
