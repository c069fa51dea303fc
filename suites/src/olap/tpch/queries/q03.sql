-- Shipping priority (TPC-H 2.4.3).
SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority
FROM tpch_customer, tpch_orders, tpch_lineitem
WHERE c_mktsegment = ?
  AND c_custkey = o_custkey
  AND l_orderkey = o_orderkey
  AND o_orderdate < ?
  AND l_shipdate > ?
GROUP BY l_orderkey, o_orderdate, o_shippriority
ORDER BY revenue DESC, o_orderdate
LIMIT 10
