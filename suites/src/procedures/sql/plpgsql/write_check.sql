-- call: SELECT * FROM dbdyno_write_check(?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_write_check
CREATE FUNCTION dbdyno_write_check(
  the_name text, amount numeric,
  OUT done integer, OUT customer bigint, OUT other bigint,
  OUT savings_moved numeric, OUT checking_moved numeric)
LANGUAGE plpgsql AS $$
DECLARE
  held numeric;
BEGIN
  done := 1;
  other := 0;
  savings_moved := 0;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = the_name;
  SELECT bal INTO STRICT held FROM savings WHERE custid = customer;
  SELECT held + bal INTO STRICT held FROM checking WHERE custid = customer;
  checking_moved := -amount;
  IF held < amount THEN
    checking_moved := checking_moved - 1;
  END IF;
  UPDATE checking SET bal = bal + checking_moved WHERE custid = customer;
END
$$
