-- drop: DROP FUNCTION IF EXISTS dbdyno_add_up, dbdyno_audit_total CASCADE
-- An entry changes the total of its account, and that is audited by a trigger of its own.
CREATE FUNCTION dbdyno_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE journal_accounts SET entries = entries + 1, total = total + NEW.amount
    WHERE id = NEW.account;
  ELSE
    UPDATE journal_accounts SET total = total + NEW.amount - OLD.amount WHERE id = NEW.account;
  END IF;
  RETURN NULL;
END
$$

CREATE FUNCTION dbdyno_audit_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'TOTAL', NULL, NEW.entries);
  RETURN NULL;
END
$$

CREATE TRIGGER dbdyno_add_up AFTER INSERT OR UPDATE ON journal_entries
FOR EACH ROW EXECUTE FUNCTION dbdyno_add_up()

CREATE TRIGGER dbdyno_audit_total AFTER UPDATE ON journal_accounts
FOR EACH ROW EXECUTE FUNCTION dbdyno_audit_total()
