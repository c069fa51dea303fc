-- Web sessions by a key that looks random; they are made where they are not there, and updated where they are.
CREATE TABLE sessions (id BIGINT PRIMARY KEY, visits INT NOT NULL, last_seen BIGINT NOT NULL, cart VARCHAR(200) NOT NULL);
CREATE INDEX sessions_by_age ON sessions (last_seen);
-- @repeat 5000 * :scale
\set id hash(:row, 1)
INSERT INTO sessions VALUES (:id, 1, :row, 'empty');
-- @end
