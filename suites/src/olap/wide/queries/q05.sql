-- Distinct texts of a column that is mostly empty.
SELECT count(DISTINCT search_phrase) FROM hits
