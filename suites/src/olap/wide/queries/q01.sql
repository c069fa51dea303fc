-- How many hits there are: a scan that needs no column.
SELECT count(*) FROM hits
