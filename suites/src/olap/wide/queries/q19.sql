-- The first phrases of the alphabet.
SELECT search_phrase, event_id
FROM hits
WHERE search_phrase <> ''
ORDER BY search_phrase, event_id
LIMIT 10
