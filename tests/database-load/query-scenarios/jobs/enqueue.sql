-- Three jobs at once.
-- @setup setup.sql
\set priority random(1, 3)
\set work random(1, 1000)
INSERT INTO jobs (state, priority, work, tries)
  VALUES (0, :priority, :work, 0), (0, :priority, :work + 1, 0), (0, :priority, :work + 2, 0);
