CREATE TRIGGER dbdyno_audit_insert_1 AFTER INSERT ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'INSERT', NULL, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_update_1 AFTER UPDATE ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'UPDATE', OLD.amount, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_insert_2 AFTER INSERT ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'INSERT', NULL, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_update_2 AFTER UPDATE ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'UPDATE', OLD.amount, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_insert_3 AFTER INSERT ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'INSERT', NULL, NEW.amount);
END

CREATE TRIGGER dbdyno_audit_update_3 AFTER UPDATE ON journal_entries FOR EACH ROW
BEGIN
  INSERT INTO journal_audit (entry, what, old_amount, new_amount)
  VALUES (NEW.id, 'UPDATE', OLD.amount, NEW.amount);
END
