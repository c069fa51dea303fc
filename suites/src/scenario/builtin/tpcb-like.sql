-- The TPC-B-like transaction of pgbench (PostgreSQL's manual, "pgbench", "What Is the 'Transaction'
-- Actually Performed in pgbench?").
-- @dataset tpcb
-- @count history_rows: SELECT COUNT(*) FROM pgbench_history
-- @check accounts_equal_history: SELECT COUNT(*) FROM (SELECT SUM(abalance) AS moved FROM pgbench_accounts) AS a, (SELECT COALESCE(SUM(delta), 0) AS moved FROM pgbench_history) AS h WHERE a.moved = h.moved
-- @check tellers_equal_history: SELECT COUNT(*) FROM (SELECT SUM(tbalance) AS moved FROM pgbench_tellers) AS t, (SELECT COALESCE(SUM(delta), 0) AS moved FROM pgbench_history) AS h WHERE t.moved = h.moved
-- @check branches_equal_history: SELECT COUNT(*) FROM (SELECT SUM(bbalance) AS moved FROM pgbench_branches) AS b, (SELECT COALESCE(SUM(delta), 0) AS moved FROM pgbench_history) AS h WHERE b.moved = h.moved
\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
BEGIN;
-- @expect rows = 1
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
-- @expect rows = 1
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
-- @expect rows = 1
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
-- @expect rows = 1
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
