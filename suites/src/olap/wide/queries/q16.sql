-- A word anywhere in a text.
SELECT count(*) FROM hits WHERE url LIKE ?
