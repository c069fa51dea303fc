-- call: CALL dbdyno_send_payment(?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_send_payment
CREATE PROCEDURE dbdyno_send_payment(from_name VARCHAR(64), to_name VARCHAR(64), amount DECIMAL(15, 2))
MODIFIES SQL DATA
BEGIN
  DECLARE done INT DEFAULT 1;
  DECLARE customer, other BIGINT DEFAULT 0;
  DECLARE savings_moved, checking_moved DECIMAL(15, 2) DEFAULT 0;
  DECLARE held DECIMAL(15, 2);
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an account is not there';
  START TRANSACTION;
  SELECT custid INTO customer FROM accounts WHERE name = from_name;
  SELECT custid INTO other FROM accounts WHERE name = to_name;
  SELECT bal INTO held FROM checking WHERE custid = customer;
  IF held < amount THEN
    SET done = 0;
  ELSE
    UPDATE checking SET bal = bal - amount WHERE custid = customer;
    UPDATE checking SET bal = bal + amount WHERE custid = other;
    SET checking_moved = -amount;
  END IF;
  COMMIT;
  SELECT done, customer, other, savings_moved, checking_moved;
END
