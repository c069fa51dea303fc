-- Customers by state, of some phones, whose balance is not below the mean and who wait for no order (after
-- TPC-H 2.4.22). In the original they have none at all, and a positive balance: when the data was loaded
-- all had an order, and all owed the same.
SELECT substr(c_state, 1, 1) AS country, count(*) AS numcust, sum(c_balance) AS totacctbal
FROM customer
WHERE substr(c_phone, 1, 1) IN ('1', '2', '3', '4', '5', '6', '7')
  AND c_balance >= (
      SELECT avg(c_balance)
      FROM customer
      WHERE substr(c_phone, 1, 1) IN ('1', '2', '3', '4', '5', '6', '7'))
  AND NOT EXISTS (
      SELECT *
      FROM orders
      WHERE o_c_id = c_id
        AND o_w_id = c_w_id
        AND o_d_id = c_d_id
        AND o_carrier_id IS NULL)
GROUP BY substr(c_state, 1, 1)
ORDER BY country
