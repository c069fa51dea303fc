-- What those searched for who came to pages with a word, from elsewhere.
SELECT search_phrase, min(url), count(*) AS views, count(DISTINCT user_id)
FROM hits
WHERE url LIKE ? AND referer NOT LIKE ? AND search_phrase <> ''
GROUP BY search_phrase
ORDER BY views DESC, search_phrase
LIMIT 10
