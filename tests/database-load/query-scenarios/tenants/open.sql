-- A ticket is opened; numbers count up within each company without a gap.
-- @setup setup.sql
-- @expect errors = 0
-- @count tickets: SELECT COUNT(*) FROM tickets
-- @check no_gaps: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM (SELECT t.id FROM tenants AS t JOIN tickets AS k \
--   ON k.tenant_id = t.id GROUP BY t.id, t.next_number HAVING MAX(k.number) <> t.next_number - 1 \
--   OR COUNT(*) <> t.next_number - 1) AS wrong
-- @check open_tickets_are_counted: SELECT CASE WHEN (SELECT SUM(open_tickets) FROM tenants) \
--   = (SELECT COUNT(*) FROM tickets WHERE state = 0) THEN 1 ELSE 0 END
\set tenant random_zipfian(1, int(200 * :scale), 1.3)
\set priority random(1, 4)
BEGIN;
-- @expect rows = 1
UPDATE tenants SET next_number = next_number + 1, open_tickets = open_tickets + 1 WHERE id = :tenant;
SELECT next_number - 1 AS number FROM tenants WHERE id = :tenant \gset
INSERT INTO tickets VALUES (:tenant, :number, 0, :priority, 'something new is broken');
COMMIT;
