-- German suppliers of lines that no other line of the order was delivered after (after TPC-H 2.4.21). Lines
-- delivered at their order's entry count: all are that were delivered when the data was loaded.
SELECT su_name, count(*) AS numwait
FROM ch_supplier, order_line l1, orders, stock, ch_nation
WHERE l1.ol_o_id = o_id
  AND l1.ol_w_id = o_w_id
  AND l1.ol_d_id = o_d_id
  AND l1.ol_w_id = s_w_id
  AND l1.ol_i_id = s_i_id
  AND (s_w_id * s_i_id) % 10000 = su_suppkey
  AND l1.ol_delivery_d >= o_entry_d
  AND NOT EXISTS (
      SELECT *
      FROM order_line l2
      WHERE l2.ol_o_id = l1.ol_o_id
        AND l2.ol_w_id = l1.ol_w_id
        AND l2.ol_d_id = l1.ol_d_id
        AND l2.ol_delivery_d > l1.ol_delivery_d)
  AND su_nationkey = n_nationkey
  AND n_name = 'Germany'
GROUP BY su_name
ORDER BY numwait DESC, su_name
