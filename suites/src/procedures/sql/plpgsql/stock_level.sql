-- call: SELECT dbdyno_stock_level(?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_stock_level
CREATE FUNCTION dbdyno_stock_level(the_w_id integer, the_d_id integer, threshold integer)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  next_o_id integer;
  low bigint;
BEGIN
  SELECT d_next_o_id INTO STRICT next_o_id FROM district
  WHERE d_w_id = the_w_id AND d_id = the_d_id;
  SELECT COUNT(DISTINCT s_i_id) INTO STRICT low FROM order_line JOIN stock ON s_i_id = ol_i_id
  WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id
    AND ol_o_id >= next_o_id - 20 AND ol_o_id < next_o_id
    AND s_w_id = the_w_id AND s_quantity < threshold;
  RETURN low;
END
$$
