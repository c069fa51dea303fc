-- Global sales opportunity (TPC-H 2.4.22).
SELECT cntrycode, count(*) AS numcust, sum(c_acctbal) AS totacctbal
FROM (
    SELECT substring(c_phone, 1, 2) AS cntrycode, c_acctbal
    FROM tpch_customer
    WHERE substring(c_phone, 1, 2) IN (?, ?, ?, ?, ?, ?, ?)
      AND c_acctbal > (
          SELECT avg(c_acctbal)
          FROM tpch_customer
          WHERE c_acctbal > 0.00
            AND substring(c_phone, 1, 2) IN (?, ?, ?, ?, ?, ?, ?))
      AND NOT EXISTS (SELECT * FROM tpch_orders WHERE o_custkey = c_custkey)) AS custsale
GROUP BY cntrycode
ORDER BY cntrycode
