-- call: SELECT * FROM dbdyno_balance(?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_balance
CREATE FUNCTION dbdyno_balance(
  the_name text,
  OUT done integer, OUT customer bigint, OUT other bigint,
  OUT savings_moved numeric, OUT checking_moved numeric)
LANGUAGE plpgsql AS $$
BEGIN
  done := 1;
  other := 0;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = the_name;
  SELECT bal INTO STRICT savings_moved FROM savings WHERE custid = customer;
  SELECT bal INTO STRICT checking_moved FROM checking WHERE custid = customer;
END
$$
