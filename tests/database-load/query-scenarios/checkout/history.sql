-- What a customer bought last.
-- @setup setup.sql
\set customer random(1, int(5000 * :scale))
-- @expect plan uses index orders_by_customer
SELECT o.id, o.total_cents, l.product_id, l.quantity
FROM orders AS o JOIN order_lines AS l ON l.order_id = o.id
WHERE o.customer_id = :customer ORDER BY o.id DESC LIMIT 10;
