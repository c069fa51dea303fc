-- call: CALL dbdyno_balance(?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_balance
CREATE PROCEDURE dbdyno_balance(the_name VARCHAR(64))
MODIFIES SQL DATA
BEGIN
  DECLARE done INT DEFAULT 1;
  DECLARE customer, other BIGINT DEFAULT 0;
  DECLARE savings_moved, checking_moved DECIMAL(15, 2) DEFAULT 0;
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an account is not there';
  START TRANSACTION;
  SELECT custid INTO customer FROM accounts WHERE name = the_name;
  SELECT bal INTO savings_moved FROM savings WHERE custid = customer;
  SELECT bal INTO checking_moved FROM checking WHERE custid = customer;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
