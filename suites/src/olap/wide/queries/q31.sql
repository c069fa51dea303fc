-- Orders by currency, and all the hits without one.
SELECT currency, count(*), count(order_total), sum(order_total), min(order_total), max(order_total)
FROM hits
GROUP BY currency
ORDER BY currency
