-- call: CALL dbdyno_tpcb(?, ?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_tpcb
CREATE PROCEDURE dbdyno_tpcb(the_aid INT, the_bid INT, the_tid INT, the_delta INT)
MODIFIES SQL DATA
BEGIN
  DECLARE balance INT;
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the account is not there';
  START TRANSACTION;
  UPDATE pgbench_accounts SET abalance = abalance + the_delta WHERE aid = the_aid;
  SELECT abalance INTO balance FROM pgbench_accounts WHERE aid = the_aid;
  UPDATE pgbench_tellers SET tbalance = tbalance + the_delta WHERE tid = the_tid;
  UPDATE pgbench_branches SET bbalance = bbalance + the_delta WHERE bid = the_bid;
  INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)
  VALUES (the_tid, the_bid, the_aid, the_delta, CURRENT_TIMESTAMP);
  COMMIT;
  SELECT balance;
END
