-- The latest posts of all whom somebody follows.
-- @setup setup.sql
-- @expect errors = 0
\set reader random(1, int(1000 * :scale))
-- @expect rows <= 20
SELECT p.id, p.author, p.body FROM follows AS f JOIN posts AS p ON p.author = f.followed
WHERE f.follower = :reader ORDER BY p.id DESC LIMIT 20;
