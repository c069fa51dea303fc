-- call: SELECT * FROM dbdyno_deposit_checking(?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_deposit_checking
CREATE FUNCTION dbdyno_deposit_checking(
  the_name text, amount numeric,
  OUT done integer, OUT customer bigint, OUT other bigint,
  OUT savings_moved numeric, OUT checking_moved numeric)
LANGUAGE plpgsql AS $$
BEGIN
  done := 1;
  other := 0;
  savings_moved := 0;
  checking_moved := amount;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = the_name;
  UPDATE checking SET bal = bal + amount WHERE custid = customer;
END
$$
