CREATE TRIGGER dbdyno_validate_insert BEFORE INSERT ON journal_entries FOR EACH ROW
BEGIN
  IF NEW.amount < 0 OR NEW.account < 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no entry may be negative';
  END IF;
END

CREATE TRIGGER dbdyno_validate_update BEFORE UPDATE ON journal_entries FOR EACH ROW
BEGIN
  IF NEW.amount < 0 OR NEW.account < 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no entry may be negative';
  END IF;
END
