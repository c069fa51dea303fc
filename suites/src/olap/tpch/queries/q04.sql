-- Order priority checking (TPC-H 2.4.4).
SELECT o_orderpriority, count(*) AS order_count
FROM tpch_orders
WHERE o_orderdate >= ?
  AND o_orderdate < ?
  AND EXISTS (
      SELECT *
      FROM tpch_lineitem
      WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate)
GROUP BY o_orderpriority
ORDER BY o_orderpriority
