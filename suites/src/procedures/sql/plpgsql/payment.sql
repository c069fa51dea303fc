-- call: SELECT * FROM dbdyno_payment(?, ?, ?, ?, ?, ?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_payment
-- The customer is the one of that number or, where that is NULL, of that last name. It answers what a
-- terminal shows (TPC-C 2.5.3.3).
CREATE FUNCTION dbdyno_payment(
  the_w_id integer, the_d_id integer, the_c_w_id integer, the_c_d_id integer,
  number integer, last_name text, amount numeric, paid timestamp,
  OUT the_c_id integer, OUT first text, OUT middle text, OUT last text,
  OUT street_1 text, OUT street_2 text, OUT city text, OUT state text, OUT zip text,
  OUT phone text, OUT credit text, OUT since timestamp, OUT credit_lim numeric,
  OUT discount numeric, OUT balance numeric, OUT shown_data text,
  OUT w_address_1 text, OUT w_address_2 text, OUT w_town text, OUT w_region text, OUT w_code text,
  OUT d_address_1 text, OUT d_address_2 text, OUT d_town text, OUT d_region text, OUT d_code text)
LANGUAGE plpgsql AS $$
DECLARE
  warehouse_name text;
  district_name text;
  numbers integer[];
  new_data text;
BEGIN
  UPDATE warehouse SET w_ytd = w_ytd + amount WHERE w_id = the_w_id;
  SELECT w_name, w_street_1, w_street_2, w_city, w_state, w_zip
  INTO STRICT warehouse_name, w_address_1, w_address_2, w_town, w_region, w_code
  FROM warehouse WHERE w_id = the_w_id;
  UPDATE district SET d_ytd = d_ytd + amount WHERE d_w_id = the_w_id AND d_id = the_d_id;
  SELECT d_name, d_street_1, d_street_2, d_city, d_state, d_zip
  INTO STRICT district_name, d_address_1, d_address_2, d_town, d_region, d_code
  FROM district WHERE d_w_id = the_w_id AND d_id = the_d_id;
  the_c_id := number;
  IF the_c_id IS NULL THEN
    numbers := ARRAY(SELECT c_id FROM customer WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id
      AND c_last = last_name ORDER BY c_first);
    the_c_id := numbers[(cardinality(numbers) + 1) / 2];
  END IF;
  SELECT c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, c_phone,
    c_credit, c_since, c_credit_lim, c_discount, c_balance
  INTO STRICT first, middle, last, street_1, street_2, city, state, zip, phone,
    credit, since, credit_lim, discount, balance
  FROM customer WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id FOR UPDATE;
  IF credit = 'BC' THEN
    SELECT c_data INTO STRICT new_data FROM customer
    WHERE c_w_id = the_c_w_id AND c_d_id = the_c_d_id AND c_id = the_c_id FOR UPDATE;
    new_data := left(concat_ws(' ', the_c_id, the_c_d_id, the_c_w_id, the_d_id, the_w_id,
      round(amount, 2), new_data), 500);
    shown_data := left(new_data, 200);
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
    warehouse_name || '    ' || district_name);
END
$$
