-- drop: DROP TRIGGER IF EXISTS dbdyno_audit_total
-- An entry changes the total of its account, and that is audited by a trigger of its own.
CREATE TRIGGER dbdyno_add_up_insert AFTER INSERT ON journal_entries FOR EACH ROW
BEGIN
  UPDATE journal_accounts SET entries = entries + 1, total = total + NEW.amount
  WHERE id = NEW.account;
END

CREATE TRIGGER dbdyno_add_up_update AFTER UPDATE ON journal_entries FOR EACH ROW
BEGIN
  UPDATE journal_accounts SET total = total + NEW.amount - OLD.amount WHERE id = NEW.account;
END

CREATE TRIGGER dbdyno_audit_total AFTER UPDATE ON journal_accounts FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'TOTAL', NULL, NEW.entries);
END
