CREATE TRIGGER dbdyno_audit_insert AFTER INSERT ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'INSERT', NULL, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_update AFTER UPDATE ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'UPDATE', OLD.amount, NEW.amount);
END
