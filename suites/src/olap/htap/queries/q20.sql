-- German suppliers with more than enough of some items in stock (after TPC-H 2.4.20). Items whose data begins
-- with one letter, not two: of one warehouse's, hardly a supplier would be left. Lines count for the
-- warehouse that supplied them.
SELECT su_name, su_address
FROM ch_supplier, ch_nation
WHERE su_suppkey IN (
    SELECT (s_i_id * s_w_id) % 10000
    FROM stock, item, order_line
    WHERE i_id = s_i_id
      AND ol_i_id = s_i_id
      AND ol_supply_w_id = s_w_id
      AND ol_delivery_d > '2010-05-23 12:00:00'
      AND {like i_data 'c%'}
    GROUP BY s_i_id, s_w_id, s_quantity
    HAVING 2 * s_quantity > sum(ol_quantity))
  AND su_nationkey = n_nationkey
  AND n_name = 'Germany'
ORDER BY su_name
