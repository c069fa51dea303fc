-- A sensor reports, and its hour is rolled up in the same transaction.
-- @setup setup.sql
-- @expect errors = 0
-- @count readings: SELECT COUNT(*) FROM readings
-- @check hours_equal_readings: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM (SELECT h.sensor FROM hours AS h \
--   JOIN readings AS r ON r.sensor = h.sensor AND r.minute >= h.hour * 60 AND r.minute < h.hour * 60 + 60 \
--   GROUP BY h.sensor, h.hour, h.readings, h.total, h.least_value, h.greatest_value HAVING COUNT(*) <> h.readings \
--   OR SUM(r.value) <> h.total OR MIN(r.value) <> h.least_value OR MAX(r.value) <> h.greatest_value) AS wrong
-- @check every_reading_has_its_hour: SELECT CASE WHEN (SELECT COUNT(*) FROM readings) \
--   = (SELECT COALESCE(SUM(readings), 0) FROM hours) THEN 1 ELSE 0 END
\set sensor random(1, int(500 * :scale))
\set value random_gaussian(-200, 400, 4.0)
BEGIN;
-- @expect rows = 1
UPDATE sensors SET minute = minute + 1 WHERE id = :sensor;
SELECT minute AS minute FROM sensors WHERE id = :sensor \gset
\set hour :minute / 60
INSERT INTO readings VALUES (:sensor, :minute, :value);
-- @engine mysql, mariadb
INSERT INTO hours VALUES (:sensor, :hour, 1, :value, :value, :value)
  ON DUPLICATE KEY UPDATE readings = readings + 1, total = total + VALUES(total),
  least_value = LEAST(least_value, VALUES(least_value)), greatest_value = GREATEST(greatest_value, VALUES(greatest_value));
-- @engine sqlite
INSERT INTO hours VALUES (:sensor, :hour, 1, :value, :value, :value)
  ON CONFLICT (sensor, hour) DO UPDATE SET readings = readings + 1, total = total + excluded.total,
  least_value = min(least_value, excluded.least_value), greatest_value = max(greatest_value, excluded.greatest_value);
-- @engine others
INSERT INTO hours AS h VALUES (:sensor, :hour, 1, :value, :value, :value)
  ON CONFLICT (sensor, hour) DO UPDATE SET readings = h.readings + 1, total = h.total + excluded.total,
  least_value = LEAST(h.least_value, excluded.least_value), greatest_value = GREATEST(h.greatest_value, excluded.greatest_value);
-- @end
COMMIT;
