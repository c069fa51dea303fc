-- Local supplier volume (TPC-H 2.4.5).
SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM tpch_customer, tpch_orders, tpch_lineitem, tpch_supplier, tpch_nation, tpch_region
WHERE c_custkey = o_custkey
  AND l_orderkey = o_orderkey
  AND l_suppkey = s_suppkey
  AND c_nationkey = s_nationkey
  AND s_nationkey = n_nationkey
  AND n_regionkey = r_regionkey
  AND r_name = ?
  AND o_orderdate >= ?
  AND o_orderdate < ?
GROUP BY n_name
ORDER BY revenue DESC
