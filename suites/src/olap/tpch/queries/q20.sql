-- Potential part promotion (TPC-H 2.4.20).
SELECT s_name, s_address
FROM tpch_supplier, tpch_nation
WHERE s_suppkey IN (
      SELECT ps_suppkey
      FROM tpch_partsupp
      WHERE ps_partkey IN (SELECT p_partkey FROM tpch_part WHERE p_name LIKE ?)
        AND ps_availqty > (
            SELECT 0.5 * sum(l_quantity)
            FROM tpch_lineitem
            WHERE l_partkey = ps_partkey
              AND l_suppkey = ps_suppkey
              AND l_shipdate >= ?
              AND l_shipdate < ?))
  AND s_nationkey = n_nationkey
  AND n_name = ?
ORDER BY s_name
