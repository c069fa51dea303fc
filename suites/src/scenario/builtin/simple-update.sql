-- pgbench's simple update: tpcb-like without the contended tables.
-- @dataset tpcb
-- @count history_rows: SELECT COUNT(*) FROM pgbench_history
-- @check accounts_equal_history: SELECT COUNT(*) FROM (SELECT SUM(abalance) AS moved FROM pgbench_accounts) AS a, (SELECT COALESCE(SUM(delta), 0) AS moved FROM pgbench_history) AS h WHERE a.moved = h.moved
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
BEGIN;
-- @expect rows = 1
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
-- @expect rows = 1
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
