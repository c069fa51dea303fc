-- call: SELECT * FROM dbdyno_amalgamate(?, ?)
-- drop: DROP FUNCTION IF EXISTS dbdyno_amalgamate
CREATE FUNCTION dbdyno_amalgamate(
  from_name text, to_name text,
  OUT done integer, OUT customer bigint, OUT other bigint,
  OUT savings_moved numeric, OUT checking_moved numeric)
LANGUAGE plpgsql AS $$
BEGIN
  done := 1;
  SELECT custid INTO STRICT customer FROM accounts WHERE name = from_name;
  SELECT custid INTO STRICT other FROM accounts WHERE name = to_name;
  SELECT -bal INTO STRICT savings_moved FROM savings WHERE custid = customer FOR UPDATE;
  SELECT -bal INTO STRICT checking_moved FROM checking WHERE custid = customer FOR UPDATE;
  UPDATE savings SET bal = 0 WHERE custid = customer;
  UPDATE checking SET bal = 0 WHERE custid = customer;
  UPDATE checking SET bal = bal - (savings_moved + checking_moved) WHERE custid = other;
END
$$
