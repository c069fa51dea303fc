-- pgbench's select-only: one account by its key.
-- @dataset tpcb
\set aid random(1, 100000 * :scale)
-- @expect rows = 1
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
