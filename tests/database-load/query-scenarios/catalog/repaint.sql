-- An article gets another colour.
-- @setup setup.sql
-- @count changes: SELECT SUM(changes) FROM articles
-- @engine postgres
-- @check documents_are_whole: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM articles \
--   WHERE properties ->> 'colour' IS NULL OR properties ->> 'weight' IS NULL
-- @engine others
-- @check documents_are_whole: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM articles \
--   WHERE JSON_EXTRACT(properties, '$.colour') IS NULL OR JSON_EXTRACT(properties, '$.weight') IS NULL
-- @end
\set article random(1, int(5000 * :scale))
\set colour random(1, 200)
-- @expect rows = 1
-- @engine postgres
UPDATE articles SET changes = changes + 1, properties = jsonb_set(properties, '{colour}', to_jsonb({concat 'colour-' :colour})) WHERE id = :article;
-- @engine mysql, mariadb
UPDATE articles SET changes = changes + 1, properties = JSON_SET(properties, '$.colour', {concat 'colour-' :colour}) WHERE id = :article;
-- @engine others
UPDATE articles SET changes = changes + 1, properties = json_set(properties, '$.colour', {concat 'colour-' :colour}) WHERE id = :article;
-- @end
