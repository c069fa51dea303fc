-- Where in Europe the least of an item is in stock, with the suppliers (after TPC-H 2.4.2).
SELECT su_suppkey, su_name, n_name, i_id, i_name, su_address, su_phone, su_comment
FROM item, ch_supplier, stock, ch_nation, ch_region,
     (SELECT s_i_id AS m_i_id, min(s_quantity) AS m_s_quantity
      FROM stock, ch_supplier, ch_nation, ch_region
      WHERE (s_w_id * s_i_id) % 10000 = su_suppkey
        AND su_nationkey = n_nationkey
        AND n_regionkey = r_regionkey
        AND {like r_name 'Europ%'}
      GROUP BY s_i_id) AS least
WHERE i_id = s_i_id
  AND (s_w_id * s_i_id) % 10000 = su_suppkey
  AND su_nationkey = n_nationkey
  AND n_regionkey = r_regionkey
  AND {like i_data '%b'}
  AND {like r_name 'Europ%'}
  AND i_id = m_i_id
  AND s_quantity = m_s_quantity
ORDER BY n_name, su_name, i_id
