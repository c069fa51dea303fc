-- More groups: phrases of each visitor by the hour of the day.
SELECT user_id, local_hour, search_phrase, count(*) AS views
FROM hits
GROUP BY user_id, local_hour, search_phrase
ORDER BY views DESC, user_id, local_hour, search_phrase
LIMIT 10
