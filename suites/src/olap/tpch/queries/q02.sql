-- Minimum cost supplier (TPC-H 2.4.2).
SELECT s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
FROM tpch_part, tpch_supplier, tpch_partsupp, tpch_nation, tpch_region
WHERE p_partkey = ps_partkey
  AND s_suppkey = ps_suppkey
  AND p_size = ?
  AND p_type LIKE ?
  AND s_nationkey = n_nationkey
  AND n_regionkey = r_regionkey
  AND r_name = ?
  AND ps_supplycost = (
      SELECT min(ps_supplycost)
      FROM tpch_partsupp, tpch_supplier, tpch_nation, tpch_region
      WHERE p_partkey = ps_partkey
        AND s_suppkey = ps_suppkey
        AND s_nationkey = n_nationkey
        AND n_regionkey = r_regionkey
        AND r_name = ?)
ORDER BY s_acctbal DESC, n_name, s_name, p_partkey
LIMIT 100
