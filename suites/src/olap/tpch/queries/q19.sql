-- Discounted revenue (TPC-H 2.4.19). What its three parts have in common is said once: not every
-- engine finds that out by itself, and would join every part with every line.
SELECT sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM tpch_lineitem, tpch_part
WHERE p_partkey = l_partkey
  AND l_shipmode IN ('AIR', 'AIR REG')
  AND l_shipinstruct = 'DELIVER IN PERSON'
  AND ((p_brand = ?
        AND p_container IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG')
        AND l_quantity BETWEEN ? AND ?
        AND p_size BETWEEN 1 AND 5)
    OR (p_brand = ?
        AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK')
        AND l_quantity BETWEEN ? AND ?
        AND p_size BETWEEN 1 AND 10)
    OR (p_brand = ?
        AND p_container IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG')
        AND l_quantity BETWEEN ? AND ?
        AND p_size BETWEEN 1 AND 15))
