-- call: SELECT dbdyno_tpcb(?, ?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_tpcb
CREATE FUNCTION dbdyno_tpcb(the_aid integer, the_bid integer, the_tid integer, the_delta integer)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  balance integer;
BEGIN
  UPDATE pgbench_accounts SET abalance = abalance + the_delta WHERE aid = the_aid;
  SELECT abalance INTO STRICT balance FROM pgbench_accounts WHERE aid = the_aid;
  UPDATE pgbench_tellers SET tbalance = tbalance + the_delta WHERE tid = the_tid;
  UPDATE pgbench_branches SET bbalance = bbalance + the_delta WHERE bid = the_bid;
  INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
  VALUES (the_tid, the_bid, the_aid, the_delta, CURRENT_TIMESTAMP);
  RETURN balance;
END
$$
