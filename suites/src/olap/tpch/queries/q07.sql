-- Volume shipping (TPC-H 2.4.7).
SELECT supp_nation, cust_nation, l_year, sum(volume) AS revenue
FROM (
    SELECT n1.n_name AS supp_nation,
           n2.n_name AS cust_nation,
           {year_of l_shipdate} AS l_year,
           l_extendedprice * (1 - l_discount) AS volume
    FROM tpch_supplier, tpch_lineitem, tpch_orders, tpch_customer, tpch_nation n1, tpch_nation n2
    WHERE s_suppkey = l_suppkey
      AND o_orderkey = l_orderkey
      AND c_custkey = o_custkey
      AND s_nationkey = n1.n_nationkey
      AND c_nationkey = n2.n_nationkey
      AND ((n1.n_name = ? AND n2.n_name = ?) OR (n1.n_name = ? AND n2.n_name = ?))
      AND l_shipdate BETWEEN ? AND ?) AS shipping
GROUP BY supp_nation, cust_nation, l_year
ORDER BY supp_nation, cust_nation, l_year
