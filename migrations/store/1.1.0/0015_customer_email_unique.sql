-- One customer per e-mail address, whatever the capital letters. A store that has one twice fails
-- here with 23505 and stays at 0014; see UPGRADE.md.

-- pgtide:up
CREATE UNIQUE INDEX customer_email_key ON customer (lower(email));
DROP INDEX customer_email_idx;

-- pgtide:down
CREATE INDEX customer_email_idx ON customer (email);
DROP INDEX customer_email_key;
