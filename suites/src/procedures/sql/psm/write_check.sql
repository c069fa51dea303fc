-- call: CALL dbdyno_write_check(?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_write_check
CREATE PROCEDURE dbdyno_write_check(the_name VARCHAR(64), amount DECIMAL(15, 2))
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
  SELECT held + bal INTO held FROM checking WHERE custid = customer;
  SET checking_moved = -amount;
  IF held < amount THEN
    SET checking_moved = checking_moved - 1;
  END IF;
  UPDATE checking SET bal = bal + checking_moved WHERE custid = customer;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
