-- call: CALL dbdyno_transact_savings(?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_transact_savings
CREATE PROCEDURE dbdyno_transact_savings(the_name VARCHAR(64), amount DECIMAL(15, 2))
MODIFIES SQL DATA
BEGIN
  DECLARE done INT DEFAULT 1;
  DECLARE customer, other BIGINT DEFAULT 0;
  DECLARE savings_moved, checking_moved DECIMAL(15, 2) DEFAULT 0;
  DECLARE held DECIMAL(15, 2);
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an account is not there';
  START TRANSACTION;
  SELECT custid INTO customer FROM accounts WHERE name = the_name;
  SELECT bal INTO held FROM savings WHERE custid = customer;
  IF held + amount < 0 THEN
    SET done = 0;
  ELSE
    UPDATE savings SET bal = bal + amount WHERE custid = customer;
    SET savings_moved = amount;
  END IF;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
