-- The amount of lines of some items, by three alternatives (after TPC-H 2.4.19). What they have in common
-- is said once: an engine that does not find it out would join every item with every line.
SELECT sum(ol_amount) AS revenue
FROM order_line, item
WHERE ol_i_id = i_id
  AND ol_quantity BETWEEN 1 AND 10
  AND i_price BETWEEN 1 AND 400000
  AND (({like i_data '%a'} AND ol_w_id IN (1, 2, 3))
       OR ({like i_data '%b'} AND ol_w_id IN (1, 2, 4))
       OR ({like i_data '%c'} AND ol_w_id IN (1, 5, 3)))
