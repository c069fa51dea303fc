-- call: SELECT * FROM dbdyno_transact_savings(?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_transact_savings
CREATE FUNCTION dbdyno_transact_savings(
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
  checking_moved := 0;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = the_name;
  SELECT bal INTO STRICT held FROM savings WHERE custid = customer;
  IF held + amount < 0 THEN
    done := 0;
    RETURN;
  END IF;
  UPDATE savings SET bal = bal + amount WHERE custid = customer;
  savings_moved := amount;
END
$$
