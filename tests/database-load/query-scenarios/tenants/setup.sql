-- A help desk for many companies: all tickets are in one table, and every query is about one company's. Some
-- have many, most few.
CREATE TABLE tenants (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, next_number INT NOT NULL, open_tickets INT NOT NULL);
CREATE TABLE tickets (tenant_id INT NOT NULL, number INT NOT NULL, state INT NOT NULL, priority INT NOT NULL, title VARCHAR(80) NOT NULL,
  PRIMARY KEY (tenant_id, number));
CREATE INDEX tickets_by_state ON tickets (tenant_id, state, priority, number);
-- @repeat 200 * :scale
INSERT INTO tenants VALUES (:row, {concat 'company-' :row}, 1, 0);
-- @end
-- @repeat 20000 * :scale
\set tenant random_zipfian(1, int(200 * :scale), 1.3)
\set priority random(1, 4)
INSERT INTO tickets SELECT :tenant, next_number, 0, :priority, {concat 'broken-' :row} FROM tenants WHERE id = :tenant;
UPDATE tenants SET next_number = next_number + 1, open_tickets = open_tickets + 1 WHERE id = :tenant;
-- @end
