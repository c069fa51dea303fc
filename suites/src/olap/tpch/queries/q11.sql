-- Important stock identification (TPC-H 2.4.11).
SELECT ps_partkey, sum(ps_supplycost * ps_availqty) AS value
FROM tpch_partsupp, tpch_supplier, tpch_nation
WHERE ps_suppkey = s_suppkey
  AND s_nationkey = n_nationkey
  AND n_name = ?
GROUP BY ps_partkey
HAVING sum(ps_supplycost * ps_availqty) > (
    SELECT sum(ps_supplycost * ps_availqty) * ?
    FROM tpch_partsupp, tpch_supplier, tpch_nation
    WHERE ps_suppkey = s_suppkey
      AND s_nationkey = n_nationkey
      AND n_name = ?)
ORDER BY value DESC
