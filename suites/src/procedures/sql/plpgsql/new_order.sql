-- call: CALL dbdyno_new_order(?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_new_order
-- A procedure, for an order with an unused item number is rolled back (TPC-C 2.4.2.3), which a function
-- cannot do. It answers what a terminal shows (2.4.3.3), the lines as one text.
CREATE PROCEDURE dbdyno_new_order(
  the_w_id integer, the_d_id integer, the_c_id integer, entered timestamp, all_local integer,
  i_ids integer[], supply_w_ids integer[], quantities integer[],
  INOUT done integer, INOUT number integer, INOUT total numeric,
  INOUT discount numeric, INOUT last_name text, INOUT credit text,
  INOUT warehouse_tax numeric, INOUT district_tax numeric, INOUT shown_lines text)
LANGUAGE plpgsql AS $$
DECLARE
  price numeric;
  item_name text;
  item_data text;
  in_stock integer;
  stock_data text;
  district_info text;
  brand text;
BEGIN
  total := 0;
  shown_lines := '';
  SELECT w_tax INTO STRICT warehouse_tax FROM warehouse WHERE w_id = the_w_id;
  SELECT c_discount, c_last, c_credit INTO STRICT discount, last_name, credit FROM customer
  WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = the_c_id;
  SELECT d_next_o_id, d_tax INTO STRICT number, district_tax FROM district
  WHERE d_w_id = the_w_id AND d_id = the_d_id FOR UPDATE;
  UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = the_w_id AND d_id = the_d_id;
  INSERT INTO orders (o_id, o_d_id, o_w_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, o_all_local)
  VALUES (number, the_d_id, the_w_id, the_c_id, entered, NULL, cardinality(i_ids), all_local);
  INSERT INTO new_order (no_o_id, no_d_id, no_w_id) VALUES (number, the_d_id, the_w_id);
  FOR line IN 1 .. cardinality(i_ids) LOOP
    SELECT i_price, i_name, i_data INTO price, item_name, item_data FROM item
    WHERE i_id = i_ids[line];
    IF NOT FOUND THEN
      ROLLBACK;
      done := 0;
      RETURN;
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
    END INTO STRICT in_stock, stock_data, district_info FROM stock
    WHERE s_w_id = supply_w_ids[line] AND s_i_id = i_ids[line] FOR UPDATE;
    in_stock := in_stock - quantities[line];
    IF in_stock < 10 THEN
      in_stock := in_stock + 91;
    END IF;
    UPDATE stock SET s_quantity = in_stock, s_ytd = s_ytd + quantities[line],
      s_order_cnt = s_order_cnt + 1,
      s_remote_cnt = s_remote_cnt + CASE WHEN supply_w_ids[line] = the_w_id THEN 0 ELSE 1 END
    WHERE s_w_id = supply_w_ids[line] AND s_i_id = i_ids[line];
    INSERT INTO order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_supply_w_id,
      ol_delivery_d, ol_quantity, ol_amount, ol_dist_info)
    VALUES (number, the_d_id, the_w_id, line, i_ids[line], supply_w_ids[line],
      NULL, quantities[line], price * quantities[line], district_info);
    total := total + price * quantities[line];
    brand := CASE WHEN strpos(item_data, 'ORIGINAL') > 0 AND strpos(stock_data, 'ORIGINAL') > 0
      THEN 'B' ELSE 'G' END;
    shown_lines := shown_lines
      || concat_ws('|', item_name, in_stock, brand, price, price * quantities[line]) || ';';
  END LOOP;
  total := total * (1 - discount) * (1 + warehouse_tax + district_tax);
  done := 1;
END
$$
