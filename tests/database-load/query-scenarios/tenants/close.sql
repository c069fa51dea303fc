-- The most urgent ticket of a company is closed.
-- @setup setup.sql
\set tenant random_zipfian(1, int(200 * :scale), 1.3)
\set number 0
BEGIN;
-- The company's row is locked first, as when a ticket is opened.
SELECT open_tickets AS waiting FROM tenants WHERE id = :tenant {for_update} \gset
\if :waiting > 0
SELECT number AS number FROM tickets WHERE tenant_id = :tenant AND state = 0 ORDER BY priority, number LIMIT 1 \gset
-- @expect rows = 1
UPDATE tickets SET state = 1 WHERE tenant_id = :tenant AND number = :number AND state = 0;
UPDATE tenants SET open_tickets = open_tickets - 1 WHERE id = :tenant;
COMMIT;
\else
ROLLBACK;
\endif
