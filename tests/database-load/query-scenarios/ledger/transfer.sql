-- Money goes from one account to another, if it is there. Rows are locked in the order of their keys.
-- @setup setup.sql
-- @expect errors = 0
-- @check books_balance: SELECT CASE WHEN SUM(amount) = 0 THEN 1 ELSE 0 END FROM entries
-- @check accounts_equal_entries: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM (SELECT a.id FROM accounts AS a \
--   JOIN entries AS e ON e.account_id = a.id GROUP BY a.id, a.balance, a.entries \
--   HAVING SUM(e.amount) <> a.balance OR COUNT(*) <> a.entries) AS wrong
-- @check nobody_owes: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM accounts WHERE id > 0 AND balance < 0
\set accounts int(2000 * :scale)
\set payer random(1, :accounts)
\set payee (:payer + random(0, :accounts - 2)) % :accounts + 1
\set amount random_exponential(1, 100000, 5.0)
\set taken - :amount
\set low least(:payer, :payee)
\set high greatest(:payer, :payee)
BEGIN;
SELECT balance AS low_balance FROM accounts WHERE id = :low {for_update} \gset
SELECT balance AS high_balance FROM accounts WHERE id = :high {for_update} \gset
\if case when :payer = :low then :low_balance else :high_balance end < :amount
ROLLBACK;
\else
-- @expect rows = 1
UPDATE accounts SET balance = balance - :amount, entries = entries + 1 WHERE id = :payer;
-- @expect rows = 1
UPDATE accounts SET balance = balance + :amount, entries = entries + 1 WHERE id = :payee;
INSERT INTO entries (account_id, amount, booked_at)
  VALUES (:payer, :taken, CURRENT_TIMESTAMP), (:payee, :amount, CURRENT_TIMESTAMP);
COMMIT;
\endif
