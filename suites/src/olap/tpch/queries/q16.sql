-- Parts and suppliers (TPC-H 2.4.16).
SELECT p_brand, p_type, p_size, count(DISTINCT ps_suppkey) AS supplier_cnt
FROM tpch_partsupp, tpch_part
WHERE p_partkey = ps_partkey
  AND p_brand <> ?
  AND p_type NOT LIKE ?
  AND p_size IN (?, ?, ?, ?, ?, ?, ?, ?)
  AND ps_suppkey NOT IN (
      SELECT s_suppkey FROM tpch_supplier WHERE s_comment LIKE '%Customer%Complaints%')
GROUP BY p_brand, p_type, p_size
ORDER BY supplier_cnt DESC, p_brand, p_type, p_size
