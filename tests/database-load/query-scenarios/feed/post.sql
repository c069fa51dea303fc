-- Somebody writes.
-- @setup setup.sql
-- @count posts: SELECT COUNT(*) FROM posts
-- @check counted: SELECT CASE WHEN (SELECT COUNT(*) FROM posts) = (SELECT SUM(posts) FROM people) THEN 1 ELSE 0 END
\set author random_zipfian(1, int(1000 * :scale), 1.2)
\set topic random(1, 1000000)
BEGIN;
INSERT INTO posts (author, body) VALUES (:author, {concat 'news-about-' :topic});
-- @expect rows = 1
UPDATE people SET posts = posts + 1 WHERE id = :author;
COMMIT;
