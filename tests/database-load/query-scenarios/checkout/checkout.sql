-- Two products are bought, if there are enough of both: the stock is taken, the order written.
-- @setup setup.sql
-- @expect errors = 0
-- @count orders: SELECT COUNT(*) FROM orders
-- @check stock_is_not_negative: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM products WHERE stock < 0
-- @check orders_equal_lines: SELECT CASE WHEN (SELECT COALESCE(SUM(total_cents), 0) FROM orders) \
--   = (SELECT COALESCE(SUM(quantity * price_cents), 0) FROM order_lines) THEN 1 ELSE 0 END
-- @check sold_equals_lines: SELECT CASE WHEN (SELECT SUM(sold) FROM products) \
--   = (SELECT COALESCE(SUM(quantity), 0) FROM order_lines) THEN 1 ELSE 0 END
-- @check spent_equals_orders: SELECT CASE WHEN (SELECT SUM(spent_cents) FROM customers) \
--   = (SELECT COALESCE(SUM(total_cents), 0) FROM orders) THEN 1 ELSE 0 END
\set products int(2000 * :scale)
\set customer random(1, int(5000 * :scale))
-- Two different ones, in the order of their keys: so no two customers wait for each other.
\set one random_zipfian(1, :products, 1.1)
\set two random_zipfian(1, :products, 1.1)
\set two case when :one = :two then :two % :products + 1 else :two end
\set first permute(least(:one, :two) - 1, :products, 7) + 1
\set second permute(greatest(:one, :two) - 1, :products, 7) + 1
\set low least(:first, :second)
\set high greatest(:first, :second)
\set few random(1, 3)
\set many random(1, 3)
BEGIN;
-- @expect rows = 1
SELECT price_cents AS low_price, stock AS low_stock FROM products WHERE id = :low {for_update} \gset
-- @expect rows = 1
SELECT price_cents AS high_price, stock AS high_stock FROM products WHERE id = :high {for_update} \gset
\if :low_stock < :few or :high_stock < :many
ROLLBACK;
\else
\set total :few * :low_price + :many * :high_price
UPDATE products SET stock = stock - :few, sold = sold + :few WHERE id = :low;
UPDATE products SET stock = stock - :many, sold = sold + :many WHERE id = :high;
-- MariaDB does not say beforehand which columns RETURNING gives.
-- @engine mysql, mariadb
INSERT INTO orders (customer_id, total_cents, placed_at) VALUES (:customer, :total, CURRENT_TIMESTAMP);
SELECT LAST_INSERT_ID() AS order_id \gset
-- @engine others
INSERT INTO orders (customer_id, total_cents, placed_at) VALUES (:customer, :total, CURRENT_TIMESTAMP)
  RETURNING id AS order_id \gset
-- @end
INSERT INTO order_lines VALUES (:order_id, :low, :few, :low_price), (:order_id, :high, :many, :high_price);
UPDATE customers SET spent_cents = spent_cents + :total WHERE id = :customer;
COMMIT;
\endif
