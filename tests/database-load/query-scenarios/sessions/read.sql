-- A session by its key; it may not be there.
-- @setup setup.sql
\set visitor random_zipfian(1, int(10000 * :scale), 1.05)
\set id hash(:visitor, 1)
-- @expect rows <= 1
SELECT visits, last_seen, cart FROM sessions WHERE id = :id;
