-- call: CALL dbdyno_amalgamate(?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_amalgamate
CREATE PROCEDURE dbdyno_amalgamate(from_name VARCHAR(64), to_name VARCHAR(64))
MODIFIES SQL DATA
BEGIN
  DECLARE done INT DEFAULT 1;
  DECLARE customer, other BIGINT DEFAULT 0;
  DECLARE savings_moved, checking_moved DECIMAL(15, 2) DEFAULT 0;
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an account is not there';
  START TRANSACTION;
  SELECT custid INTO customer FROM accounts WHERE name = from_name;
  SELECT custid INTO other FROM accounts WHERE name = to_name;
  SELECT -bal INTO savings_moved FROM savings WHERE custid = customer FOR UPDATE;
  SELECT -bal INTO checking_moved FROM checking WHERE custid = customer FOR UPDATE;
  UPDATE savings SET bal = 0 WHERE custid = customer;
  UPDATE checking SET bal = 0 WHERE custid = customer;
  UPDATE checking SET bal = bal - (savings_moved + checking_moved) WHERE custid = other;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
