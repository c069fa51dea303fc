-- Germany's share of what Europe buys of some items, by year (after TPC-H 2.4.8).
SELECT {year_of o_entry_d} AS l_year,
       1.00 * sum(CASE WHEN n2.n_name = 'Germany' THEN ol_amount ELSE 0 END)
           / NULLIF(sum(ol_amount), 0) AS mkt_share
FROM item, ch_supplier, stock, order_line, orders, customer, ch_nation n1, ch_nation n2, ch_region
WHERE i_id = s_i_id
  AND ol_i_id = s_i_id
  AND ol_supply_w_id = s_w_id
  AND (s_w_id * s_i_id) % 10000 = su_suppkey
  AND ol_w_id = o_w_id
  AND ol_d_id = o_d_id
  AND ol_o_id = o_id
  AND c_id = o_c_id
  AND c_w_id = o_w_id
  AND c_d_id = o_d_id
  AND n1.n_nationkey = {code_of substr(c_state, 1, 1)}
  AND n1.n_regionkey = r_regionkey
  AND ol_i_id < 1000
  AND r_name = 'Europe'
  AND su_nationkey = n2.n_nationkey
  AND o_entry_d BETWEEN '2007-01-02 00:00:00' AND '2100-01-01 00:00:00'
  AND {like i_data '%b'}
  AND i_id = ol_i_id
GROUP BY {year_of o_entry_d}
ORDER BY l_year
