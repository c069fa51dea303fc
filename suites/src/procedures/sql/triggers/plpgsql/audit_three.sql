-- drop: DROP FUNCTION IF EXISTS dbdyno_audit CASCADE
CREATE FUNCTION dbdyno_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, TG_OP, CASE WHEN TG_OP = 'UPDATE' THEN OLD.amount END, NEW.amount);
  RETURN NULL;
END
$$

CREATE TRIGGER dbdyno_audit_1 AFTER INSERT OR UPDATE ON journal_entries
FOR EACH ROW EXECUTE FUNCTION dbdyno_audit()

CREATE TRIGGER dbdyno_audit_2 AFTER INSERT OR UPDATE ON journal_entries
FOR EACH ROW EXECUTE FUNCTION dbdyno_audit()

CREATE TRIGGER dbdyno_audit_3 AFTER INSERT OR UPDATE ON journal_entries
FOR EACH ROW EXECUTE FUNCTION dbdyno_audit()
