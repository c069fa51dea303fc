-- Articles of a colour.
-- @setup setup.sql
-- @expect errors = 0
\set colour random(1, 200)
-- @expect plan uses index articles_by_colour
-- @engine postgres
SELECT id, properties FROM articles WHERE properties ->> 'colour' = {concat 'colour-' :colour} ORDER BY id LIMIT 20;
-- @engine mysql, mariadb
SELECT id, properties FROM articles WHERE colour = {concat 'colour-' :colour} ORDER BY id LIMIT 20;
-- @engine others
SELECT id, properties FROM articles WHERE json_extract(properties, '$.colour') = {concat 'colour-' :colour} ORDER BY id LIMIT 20;
-- @end
