CREATE TRIGGER dbdyno_validate_insert BEFORE INSERT ON journal_entries FOR EACH ROW
WHEN NEW.amount < 0 OR NEW.account < 0
BEGIN
  SELECT RAISE(ABORT, 'no entry may be negative');
END

CREATE TRIGGER dbdyno_validate_update BEFORE UPDATE ON journal_entries FOR EACH ROW
WHEN NEW.amount < 0 OR NEW.account < 0
BEGIN
  SELECT RAISE(ABORT, 'no entry may be negative');
END
