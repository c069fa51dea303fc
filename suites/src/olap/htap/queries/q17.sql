-- What lines of at most their item's mean quantity bring in half a year (after TPC-H 2.4.17). At most, not
-- less: all lines have the same quantity when the data was loaded.
SELECT sum(ol_amount) / 2.0 AS avg_yearly
FROM order_line,
     (SELECT i_id, avg(ol_quantity) AS mean_quantity
      FROM item, order_line
      WHERE {like i_data '%b'}
        AND ol_i_id = i_id
      GROUP BY i_id) AS means
WHERE ol_i_id = i_id
  AND ol_quantity <= mean_quantity
