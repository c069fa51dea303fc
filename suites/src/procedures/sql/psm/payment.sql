-- call: CALL dbdyno_payment(?, ?, ?, ?, ?, ?, ?, ?)
-- drop: DROP PROCEDURE IF EXISTS dbdyno_payment
-- The customer is the one of that number or, where that is NULL, of that last name. It answers what a
-- terminal shows (TPC-C 2.5.3.3).
CREATE PROCEDURE dbdyno_payment(
  the_w_id INT, the_d_id INT, the_c_w_id INT, the_c_d_id INT,
  number INT, last_name VARCHAR(16), amount DECIMAL(6, 2), paid DATETIME(6))
MODIFIES SQL DATA
BEGIN
  DECLARE the_c_id, namesakes, skipped INT;
  DECLARE warehouse_name, district_name VARCHAR(10);
  DECLARE middle, state, credit, w_region, d_region CHAR(2);
  DECLARE first, last VARCHAR(16);
  DECLARE street_1, street_2, city VARCHAR(20);
  DECLARE w_address_1, w_address_2, w_town, d_address_1, d_address_2, d_town VARCHAR(20);
  DECLARE zip, w_code, d_code CHAR(9);
  DECLARE phone CHAR(16);
  DECLARE since DATETIME(6);
  DECLARE credit_lim, balance DECIMAL(12, 2);
  DECLARE discount DECIMAL(4, 4);
  DECLARE new_data VARCHAR(500);
  DECLARE EXIT HANDLER FOR NOT FOUND
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a row that a payment needs is not there';
  START TRANSACTION;
  UPDATE warehouse SET w_ytd = w_ytd + amount WHERE w_id = the_w_id;
  SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip
  INTO warehouse_name, w_address_1, w_address_2, w_town, w_region, w_code
  FROM warehouse WHERE w_id = the_w_id;
  UPDATE district SET d_ytd = d_ytd + amount WHERE d_w_id = the_w_id AND d_id = the_d_id;
  SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip
  INTO district_name, d_address_1, d_address_2, d_town, d_region, d_code
  FROM district WHERE d_w_id = the_w_id AND d_id = the_d_id;
  SET the_c_id = number;
  IF the_c_id IS NULL THEN
    SELECT COUNT(*) INTO namesakes FROM customer
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_last = last_name;
    SET skipped = (namesakes - 1) DIV 2;
    SELECT c_id INTO the_c_id FROM customer
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_last = last_name
    ORDER BY c_first LIMIT skipped, 1;
  END IF;
  SELECT c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, c_phone,
    c_credit, c_since, c_credit_lim, c_discount, c_balance
  INTO first, middle, last, street_1, street_2, city, state, zip, phone,
    credit, since, credit_lim, discount, balance
  FROM customer WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id FOR UPDATE;
  IF credit = 'BC' THEN
    SELECT c_data INTO new_data FROM customer
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id FOR UPDATE;
    SET new_data = LEFT(CONCAT_WS(' ', the_c_id, the_c_d_id, the_c_w_id, the_d_id, the_w_id,
      amount, new_data), 500);
    UPDATE customer SET c_balance = c_balance - amount, c_ytd_payment = c_ytd_payment + amount,
      c_payment_cnt = c_payment_cnt + 1, c_data = new_data
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id;
  ELSE
    UPDATE customer SET c_balance = c_balance - amount, c_ytd_payment = c_ytd_payment + amount,
      c_payment_cnt = c_payment_cnt + 1
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id;
  END IF;
  INSERT INTO history (h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, h_data)
  VALUES (the_c_id, the_c_d_id, the_c_w_id, the_d_id, the_w_id, paid, amount,
    CONCAT(warehouse_name, '    ', district_name));
  COMMIT;
  SELECT the_c_id, first, middle, last, street_1, street_2, city, state, zip, phone, credit,
    since, credit_lim, discount, balance, LEFT(new_data, 200),
    w_address_1, w_address_2, w_town, w_region, w_code,
    d_address_1, d_address_2, d_town, d_region, d_code;
END
