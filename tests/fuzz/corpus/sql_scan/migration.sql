-- pgtide: lock_timeout=2s only=plan=gold
-- pgtide:up transaction=none
CREATE INDEX CONCURRENTLY i ON t (a);
-- pgtide:down
DROP INDEX i
-- pgtide:verify verify=after-commit
SELECT true;
-- pgtide:require
SELECT 1;
-- pgtide:when
VALUES (true);
