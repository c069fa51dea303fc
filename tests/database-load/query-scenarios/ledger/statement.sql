-- The last entries of an account, and what it has.
-- @setup setup.sql
\set account random(1, int(2000 * :scale))
BEGIN;
-- @expect rows = 1
SELECT balance FROM accounts WHERE id = :account;
-- @expect rows >= 1
-- @expect plan uses index entries_by_account
SELECT id, amount, booked_at FROM entries WHERE account_id = :account ORDER BY id DESC LIMIT 25;
COMMIT;
