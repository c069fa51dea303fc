-- The hours of one sensor, for a chart.
-- @setup setup.sql
\set sensor random(1, int(500 * :scale))
SELECT hour, readings, total, least_value, greatest_value FROM hours WHERE sensor = :sensor ORDER BY hour DESC LIMIT 24;
