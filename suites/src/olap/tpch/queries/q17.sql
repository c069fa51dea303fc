-- Small-quantity-order revenue (TPC-H 2.4.17).
SELECT sum(l_extendedprice) / 7.0 AS avg_yearly
FROM tpch_lineitem, tpch_part
WHERE p_partkey = l_partkey
  AND p_brand = ?
  AND p_container = ?
  AND l_quantity < (
      SELECT 0.2 * avg(l_quantity) FROM tpch_lineitem WHERE l_partkey = p_partkey)
