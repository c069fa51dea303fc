-- The latest posts of one.
-- @setup setup.sql
\set author random_zipfian(1, int(1000 * :scale), 1.2)
-- @expect rows <= 10
-- @expect plan uses index posts_by_author
SELECT id, body FROM posts WHERE author = :author ORDER BY id DESC LIMIT 10;
