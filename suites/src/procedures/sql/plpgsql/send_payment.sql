-- call: SELECT * FROM dbdyno_send_payment(?, ?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_send_payment
CREATE FUNCTION dbdyno_send_payment(
  from_name text, to_name text, amount numeric,
  OUT done integer, OUT customer bigint, OUT other bigint,
  OUT savings_moved numeric, OUT checking_moved numeric)
LANGUAGE plpgsql AS $$
DECLARE
  held numeric;
BEGIN
  done := 1;
  savings_moved := 0;
  checking_moved := 0;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = from_name;
  SELECT custid INTO STRICT other FROM accounts WHERE name = to_name;
  SELECT bal INTO STRICT held FROM checking WHERE custid = customer;
  IF held < amount THEN
    done := 0;
    RETURN;
  END IF;
  UPDATE checking SET bal = bal - amount WHERE custid = customer;
  UPDATE checking SET bal = bal + amount WHERE custid = other;
  checking_moved := -amount;
END
$$
