-- call: CALL dbdyno_stock_level(?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_stock_level
CREATE PROCEDURE dbdyno_stock_level(the_w_id INT, the_d_id INT, threshold INT)
MODIFIES SQL DATA
BEGIN
  DECLARE next_o_id INT;
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the district is not there';
  START TRANSACTION;
  SELECT d_next_o_id INTO next_o_id FROM district WHERE d_w_id = the_w_id AND d_id = the_d_id;
  SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_i_id = ol_i_id
  WHERE ol_w_id = the_w_id AND ol_d_id = the_d_id
    AND ol_o_id >= next_o_id - 20 AND ol_o_id < next_o_id
    AND s_w_id = the_w_id AND s_quantity < threshold;
  COMMIT;
END
