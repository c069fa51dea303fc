-- call: CALL dbdyno_new_order(?, ?, ?, ?, ?, ?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_new_order
-- The lines come as three JSON arrays, for there are no others. It answers what a terminal shows (TPC-C
-- 2.4.3.3), the lines as one text.
CREATE PROCEDURE dbdyno_new_order(
  the_w_id INT, the_d_id INT, the_c_id INT, entered DATETIME(6), all_local INT,
  i_ids TEXT, supply_w_ids TEXT, quantities TEXT)
MODIFIES SQL DATA
ordering: BEGIN
  DECLARE number, in_stock, the_i_id, supply_w_id, quantity, line INT DEFAULT 0;
  DECLARE warehouse_tax, district_tax, discount DECIMAL(4, 4);
  DECLARE price DECIMAL(5, 2);
  DECLARE total DECIMAL(20, 12) DEFAULT 0;
  DECLARE credit CHAR(2);
  DECLARE last_name VARCHAR(16);
  DECLARE item_name, district_info VARCHAR(24);
  DECLARE item_data, stock_data VARCHAR(50);
  DECLARE brand CHAR(1);
  DECLARE shown_lines TEXT DEFAULT '';
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a row that an order needs is not there';
  START TRANSACTION;
  SELECT w_tax INTO warehouse_tax FROM warehouse WHERE w_id = the_w_id;
  SELECT c_discount, c_last, c_credit INTO discount, last_name, credit FROM customer
  WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = the_c_id;
  SELECT d_next_o_id, d_tax INTO number, district_tax FROM district
  WHERE d_w_id = the_w_id AND d_id = the_d_id FOR UPDATE;
  UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = the_w_id AND d_id = the_d_id;
  INSERT INTO orders (o_id, o_d_id, o_w_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, o_all_local)
  VALUES (number, the_d_id, the_w_id, the_c_id, entered, NULL, JSON_LENGTH(i_ids), all_local);
  INSERT INTO new_order (no_o_id, no_d_id, no_w_id) VALUES (number, the_d_id, the_w_id);
  WHILE line < JSON_LENGTH(i_ids) DO
    SET the_i_id = JSON_EXTRACT(i_ids, CONCAT('$[', line, ']'));
    SET supply_w_id = JSON_EXTRACT(supply_w_ids, CONCAT('$[', line, ']'));
    SET quantity = JSON_EXTRACT(quantities, CONCAT('$[', line, ']'));
    SET line = line + 1;
    SET price = NULL;
    BEGIN
      DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
      SELECT i_price, i_name, i_data INTO price, item_name, item_data FROM item
      WHERE i_id = the_i_id;
    END;
    IF price IS NULL THEN
      ROLLBACK;
      SELECT 0 AS done, number, total, discount, last_name, credit, warehouse_tax, district_tax,
        shown_lines;
      LEAVE ordering;
    END IF;
    SELECT s_quantity, s_data, CASE the_d_id
      WHEN 1 THEN s_dist_01
      WHEN 2 THEN s_dist_02
      WHEN 3 THEN s_dist_03
      WHEN 4 THEN s_dist_04
      WHEN 5 THEN s_dist_05
      WHEN 6 THEN s_dist_06
      WHEN 7 THEN s_dist_07
      WHEN 8 THEN s_dist_08
      WHEN 9 THEN s_dist_09
      WHEN 10 THEN s_dist_10
    END INTO in_stock, stock_data, district_info FROM stock
    WHERE s_w_id = supply_w_id AND s_i_id = the_i_id FOR UPDATE;
    SET in_stock = in_stock - quantity;
    IF in_stock < 10 THEN
      SET in_stock = in_stock + 91;
    END IF;
    UPDATE stock SET s_quantity = in_stock, s_ytd = s_ytd + quantity,
      s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + (supply_w_id <> the_w_id)
    WHERE s_w_id = supply_w_id AND s_i_id = the_i_id;
    INSERT INTO order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_supply_w_id,
      ol_delivery_d, ol_quantity, ol_amount, ol_dist_info)
    VALUES (number, the_d_id, the_w_id, line, the_i_id, supply_w_id,
      NULL, quantity, price * quantity, district_info);
    SET total = total + price * quantity;
    SET brand = IF(LOCATE('ORIGINAL', item_data) > 0 AND LOCATE('ORIGINAL', stock_data) > 0,
      'B', 'G');
    SET shown_lines = CONCAT(shown_lines,
      CONCAT_WS('|', item_name, in_stock, brand, price, price * quantity), ';');
  END WHILE;
  SET total = total * (1 - discount) * (1 + warehouse_tax + district_tax);
  COMMIT;
  SELECT 1 AS done, number, total, discount, last_name, credit, warehouse_tax, district_tax,
    shown_lines;
END
