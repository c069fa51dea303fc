-- How long answers take: a histogram, by operating system.
SELECT os,
       CASE WHEN response_ms < 50 THEN 50
            WHEN response_ms < 100 THEN 100
            WHEN response_ms < 250 THEN 250
            WHEN response_ms < 1000 THEN 1000
            ELSE 0 END AS below_ms,
       count(*), avg(response_ms), max(response_ms)
FROM hits
WHERE http_status = 200
GROUP BY os, below_ms
ORDER BY os, below_ms
