-- A filter on a narrow column, mostly 0.
SELECT count(*) FROM hits WHERE ad_engine <> 0
