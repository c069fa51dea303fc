-- call: SELECT * FROM dbdyno_order_status(?, ?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_order_status
-- The customer is the one of that number or, where that is NULL, of that last name.
CREATE FUNCTION dbdyno_order_status(
  the_w_id integer, the_d_id integer, number integer, last_name text)
RETURNS TABLE (balance numeric, first text, middle text, last text,
  the_o_id integer, entered timestamp, carrier_id smallint,
  i_id integer, supply_w_id integer, quantity smallint, amount numeric, delivered timestamp)
LANGUAGE plpgsql AS $$
DECLARE
  numbers integer[];
BEGIN
  IF number IS NULL THEN
    numbers := ARRAY(SELECT c_id FROM customer WHERE c_w_id = the_w_id AND c_d_id = the_d_id
      AND c_last = last_name ORDER BY c_first);
    number := numbers[(cardinality(numbers) + 1) / 2];
  END IF;
  SELECT c_balance, c_first, c_middle, c_last INTO STRICT balance, first, middle, last
  FROM customer WHERE c_w_id = the_w_id AND c_d_id = the_d_id AND c_id = number;
  SELECT o_id, o_entry_d, o_carrier_id INTO STRICT the_o_id, entered, carrier_id FROM orders
  WHERE o_w_id = the_w_id AND o_d_id = the_d_id AND o_c_id = number ORDER BY o_id DESC LIMIT 1;
  FOR i_id, supply_w_id, quantity, amount, delivered IN
    SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line
    WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id AND ol_o_id = the_o_id
  LOOP
    RETURN NEXT;
  END LOOP;
END
$$
