-- Forecasting revenue change (TPC-H 2.4.6).
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM tpch_lineitem
WHERE l_shipdate >= ?
  AND l_shipdate < ?
  AND l_discount BETWEEN ? AND ?
  AND l_quantity < ?
