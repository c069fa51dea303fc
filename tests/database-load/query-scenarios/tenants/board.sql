-- What waits, most urgent first.
-- @setup setup.sql
\set tenant random_zipfian(1, int(200 * :scale), 1.3)
-- @expect rows <= 20
SELECT number, priority, title FROM tickets WHERE tenant_id = :tenant AND state = 0 ORDER BY priority, number LIMIT 20;
