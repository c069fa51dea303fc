-- A worker takes the most urgent job that no other has, does it, and notes what came out: each job is done
-- once, whatever happens.
-- @setup setup.sql
-- @check done_once: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM jobs WHERE tries > 1 OR state <> tries
-- @check done_have_results: SELECT CASE WHEN (SELECT COUNT(*) FROM jobs WHERE state = 1) \
--   = (SELECT COUNT(*) FROM results) THEN 1 ELSE 0 END
-- @check results_are_right: SELECT CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM results AS r \
--   JOIN jobs AS j ON j.id = r.job_id WHERE r.answer <> j.work + 1
\set found 0
BEGIN;
-- @engine sqlite
SELECT id AS job, work, 1 AS found FROM jobs WHERE state = 0 ORDER BY priority, id LIMIT 1 \aset
-- @engine others
SELECT id AS job, work, 1 AS found FROM jobs WHERE state = 0 ORDER BY priority, id LIMIT 1
  FOR UPDATE SKIP LOCKED \aset
-- @end
\if :found = 1
-- @expect rows = 1
UPDATE jobs SET state = 1, tries = tries + 1 WHERE id = :job;
INSERT INTO results VALUES (:job, :client_id, :work + 1);
COMMIT;
\else
ROLLBACK;
\endif
