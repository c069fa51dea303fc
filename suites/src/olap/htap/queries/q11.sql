-- Items of German suppliers that are ordered most (after TPC-H 2.4.11). At least the share, not more than
-- it: no stock was ordered yet when the data was loaded.
SELECT s_i_id, sum(s_order_cnt) AS ordercount
FROM stock, ch_supplier, ch_nation
WHERE (s_w_id * s_i_id) % 10000 = su_suppkey
  AND su_nationkey = n_nationkey
  AND n_name = 'Germany'
GROUP BY s_i_id
HAVING sum(s_order_cnt) >= (
    SELECT sum(s_order_cnt) * 0.005
    FROM stock, ch_supplier, ch_nation
    WHERE (s_w_id * s_i_id) % 10000 = su_suppkey
      AND su_nationkey = n_nationkey
      AND n_name = 'Germany')
ORDER BY ordercount DESC
