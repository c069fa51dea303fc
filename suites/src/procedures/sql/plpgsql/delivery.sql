-- call: SELECT dbdyno_delivery(?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_delivery
-- Answers how many orders were delivered. A district is asked for its oldest order up to three times:
-- at READ COMMITTED a query that waited for a row which another Delivery then took answers none at all
-- (PostgreSQL's manual, 13.2.1).
CREATE FUNCTION dbdyno_delivery(the_w_id integer, the_carrier_id integer, delivered timestamp)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  the_o_id integer;
  the_c_id integer;
  amount numeric;
  orders_delivered integer := 0;
BEGIN
  FOR the_d_id IN 1 .. 10 LOOP
    FOR look IN 1 .. 3 LOOP
      SELECT no_o_id INTO the_o_id FROM new_order WHERE no_w_id = the_w_id AND no_d_id = the_d_id
      ORDER BY no_o_id LIMIT 1 FOR UPDATE;
      EXIT WHEN FOUND;
    END LOOP;
    CONTINUE WHEN the_o_id IS NULL;
    DELETE FROM new_order
    WHERE no_w_id = the_w_id AND no_d_id = the_d_id AND no_o_id = the_o_id;
    UPDATE orders SET o_carrier_id = the_carrier_id
    WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_id = the_o_id;
    SELECT o_c_id INTO STRICT the_c_id FROM orders
    WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_id = the_o_id;
    UPDATE order_line SET ol_delivery_d = delivered
    WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id;
    SELECT SUM(ol_amount) INTO STRICT amount FROM order_line
    WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id;
    UPDATE customer SET c_balance = c_balance + amount, c_delivery_cnt = c_delivery_cnt + 1
    WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = the_c_id;
    orders_delivered := orders_delivered + 1;
  END LOOP;
  RETURN orders_delivered;
END
$$
