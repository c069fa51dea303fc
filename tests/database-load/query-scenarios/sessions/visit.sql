-- A page is asked for: the session is read and written back.
-- @setup setup.sql
-- @count visits: SELECT SUM(visits) FROM sessions
-- @expect errors = 0
\set visitor random_zipfian(1, int(10000 * :scale), 1.05)
\set id hash(:visitor, 1)
\set now random(1, 1000000)
-- @engine mysql, mariadb
INSERT INTO sessions VALUES (:id, 1, :now, 'empty')
  ON DUPLICATE KEY UPDATE visits = visits + 1, last_seen = VALUES(last_seen), cart = VALUES(cart);
-- @engine others
INSERT INTO sessions AS s VALUES (:id, 1, :now, 'empty')
  ON CONFLICT (id) DO UPDATE SET visits = s.visits + 1, last_seen = excluded.last_seen, cart = excluded.cart;
-- @end
