-- Distinct numbers of a column of many.
SELECT count(DISTINCT user_id) FROM hits
