-- call: CALL dbdyno_deposit_checking(?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_deposit_checking
CREATE PROCEDURE dbdyno_deposit_checking(the_name VARCHAR(64), amount DECIMAL(15, 2))
MODIFIES SQL DATA
BEGIN
  DECLARE done INT DEFAULT 1;
  DECLARE customer, other BIGINT DEFAULT 0;
  DECLARE savings_moved, checking_moved DECIMAL(15, 2) DEFAULT 0;
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an account is not there';
  START TRANSACTION;
  SELECT custid INTO customer FROM accounts WHERE name = the_name;
  UPDATE checking SET bal = bal + amount WHERE custid = customer;
  SET checking_moved = amount;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
