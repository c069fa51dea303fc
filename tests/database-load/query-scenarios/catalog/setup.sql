-- Articles whose properties are JSON documents, for each kind of article others.
-- @engine postgres
CREATE TABLE articles (id INT PRIMARY KEY, changes INT NOT NULL, properties JSONB NOT NULL);
CREATE INDEX articles_by_colour ON articles ((properties ->> 'colour'), id);
-- @engine mysql, mariadb
CREATE TABLE articles (id INT PRIMARY KEY, changes INT NOT NULL, properties JSON NOT NULL,
  colour VARCHAR(20) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(properties, '$.colour'))) STORED);
CREATE INDEX articles_by_colour ON articles (colour, id);
-- @engine others
CREATE TABLE articles (id INT PRIMARY KEY, changes INT NOT NULL, properties TEXT NOT NULL);
CREATE INDEX articles_by_colour ON articles (json_extract(properties, '$.colour'), id);
-- @end
-- @repeat 5000 * :scale
\set colour random(1, 200)
\set weight random_gaussian(10, 5000, 3.0)
-- @engine postgres
INSERT INTO articles VALUES (:row, 0, jsonb_build_object('colour', {concat 'colour-' :colour}, 'weight', :weight ::int, 'tags', jsonb_build_array('new', 'sale')));
-- @engine mysql, mariadb
INSERT INTO articles (id, changes, properties) VALUES (:row, 0, JSON_OBJECT('colour', {concat 'colour-' :colour}, 'weight', :weight, 'tags', JSON_ARRAY('new', 'sale')));
-- @engine others
INSERT INTO articles VALUES (:row, 0, json_object('colour', {concat 'colour-' :colour}, 'weight', :weight, 'tags', json_array('new', 'sale')));
-- @end
-- @end
