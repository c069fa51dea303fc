-- Whole rows, almost: the first hits of pages with a word.
SELECT event_id, event_time, counter_id, user_id, region_id, os, browser, screen_width,
       screen_height, url, title, referer, user_agent, response_ms, duration_s
FROM hits
WHERE url LIKE ?
ORDER BY event_time, event_id
LIMIT 10
