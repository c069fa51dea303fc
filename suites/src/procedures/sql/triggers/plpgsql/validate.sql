-- drop: DROP FUNCTION IF EXISTS dbdyno_validate CASCADE
CREATE FUNCTION dbdyno_validate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.amount < 0 OR NEW.account < 0 THEN
    RAISE EXCEPTION 'no entry may be negative' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END
$$

CREATE TRIGGER dbdyno_validate BEFORE INSERT OR UPDATE ON journal_entries
FOR EACH ROW EXECUTE FUNCTION dbdyno_validate()
