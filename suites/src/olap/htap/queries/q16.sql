-- How many suppliers without complaints items have (after TPC-H 2.4.16).
SELECT i_name,
       substr(i_data, 1, 3) AS brand,
       i_price,
       count(DISTINCT (s_w_id * s_i_id) % 10000) AS supplier_cnt
FROM stock, item
WHERE i_id = s_i_id
  AND NOT {like i_data 'zz%'}
  AND (s_w_id * s_i_id) % 10000 NOT IN (
      SELECT su_suppkey FROM ch_supplier WHERE {like su_comment '%bad%'})
GROUP BY i_name, substr(i_data, 1, 3), i_price
ORDER BY supplier_cnt DESC
