-- call: CALL dbdyno_delivery(?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_delivery
-- Answers how many orders were delivered. A district is asked for its oldest order up to three times, as by
-- the statements, and only there may nothing be found. Rows are updated before they are read: InnoDB at REPEATABLE READ
-- has locked a new order that its snapshot may be too old to show, and a transaction sees the rows that it
-- has updated itself.
CREATE PROCEDURE dbdyno_delivery(the_w_id INT, the_carrier_id INT, delivered DATETIME(6))
MODIFIES SQL DATA
BEGIN
  DECLARE the_d_id, orders_delivered INT DEFAULT 0;
  DECLARE the_o_id, the_c_id, looks INT;
  DECLARE amount DECIMAL(12, 2);
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a row that a delivery needs is not there';
  START TRANSACTION;
  WHILE the_d_id < 10 DO
    SET the_d_id = the_d_id + 1, the_o_id = NULL, looks = 0;
    WHILE the_o_id IS NULL AND looks < 3 DO
      SET looks = looks + 1;
      BEGIN
        DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
        SELECT no_o_id INTO the_o_id FROM new_order
        WHERE no_w_id = the_w_id AND no_d_id = the_d_id ORDER BY no_o_id LIMIT 1 FOR UPDATE;
      END;
    END WHILE;
    IF the_o_id IS NOT NULL THEN
      DELETE FROM new_order
      WHERE no_w_id = the_w_id AND no_d_id = the_d_id AND no_o_id = the_o_id;
      UPDATE orders SET o_carrier_id = the_carrier_id
      WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_id = the_o_id;
      SELECT o_c_id INTO the_c_id FROM orders
      WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_id = the_o_id;
      UPDATE order_line SET ol_delivery_d = delivered
      WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id;
      SELECT SUM(ol_amount) INTO amount FROM order_line
      WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id;
      UPDATE customer SET c_balance = c_balance + amount, c_delivery_cnt = c_delivery_cnt + 1
      WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = the_c_id;
      SET orders_delivered = orders_delivered + 1;
    END IF;
  END WHILE;
  COMMIT;
  SELECT orders_delivered;
END
