-- drop: DROP FUNCTION IF EXISTS dbdyno_audit_added, dbdyno_audit_changed CASCADE
-- One statement audits all rows of another, which it finds in transition tables.
CREATE FUNCTION dbdyno_audit_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  SELECT id, 'INSERT', NULL, amount FROM added;
  RETURN NULL;
END
$$

CREATE FUNCTION dbdyno_audit_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  SELECT id, 'UPDATE', before.amount, after.amount FROM before JOIN after USING (id);
  RETURN NULL;
END
$$

CREATE TRIGGER dbdyno_audit_added AFTER INSERT ON journal_entries
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION dbdyno_audit_added()

CREATE TRIGGER dbdyno_audit_changed AFTER UPDATE ON journal_entries
REFERENCING OLD TABLE AS before NEW TABLE AS after
FOR EACH STATEMENT EXECUTE FUNCTION dbdyno_audit_changed()
