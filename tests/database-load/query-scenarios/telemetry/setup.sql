-- Sensors report a value every minute; sums of each hour are kept beside the readings.
CREATE TABLE sensors (id INT PRIMARY KEY, minute INT NOT NULL);
CREATE TABLE readings (sensor INT NOT NULL, minute INT NOT NULL, value INT NOT NULL, PRIMARY KEY (sensor, minute));
CREATE TABLE hours (sensor INT NOT NULL, hour INT NOT NULL, readings INT NOT NULL, total BIGINT NOT NULL,
  least_value INT NOT NULL, greatest_value INT NOT NULL, PRIMARY KEY (sensor, hour));
-- @repeat 500 * :scale
INSERT INTO sensors VALUES (:row, 0);
-- @end
