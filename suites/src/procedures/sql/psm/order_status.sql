-- call: CALL dbdyno_order_status(?, ?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_order_status
-- The customer is the one of that number or, where that is NULL, of that last name.
CREATE PROCEDURE dbdyno_order_status(
  the_w_id INT, the_d_id INT, number INT, last_name VARCHAR(16))
MODIFIES SQL DATA
BEGIN
  DECLARE the_o_id, carrier_id, namesakes, skipped INT;
  DECLARE balance DECIMAL(12, 2);
  DECLARE first, last VARCHAR(16);
  DECLARE middle CHAR(2);
  DECLARE entered DATETIME(6);
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a customer or an order is not there';
  START TRANSACTION;
  IF number IS NULL THEN
    SELECT COUNT(*) INTO namesakes FROM customer
    WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_last = last_name;
    SET skipped = (namesakes - 1) DIV 2;
    SELECT c_id INTO number FROM customer
    WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_last = last_name
    ORDER BY c_first LIMIT skipped, 1;
  END IF;
  SELECT c_balance, c_first, c_middle, c_last INTO balance, first, middle, last
  FROM customer WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = number;
  SELECT o_id, o_entry_d, o_carrier_id INTO the_o_id, entered, carrier_id FROM orders
  WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_c_id = number ORDER BY o_id DESC LIMIT 1;
  SELECT balance, first, middle, last, the_o_id, entered, carrier_id,
    ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d
  FROM order_line WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id;
  COMMIT;
END
