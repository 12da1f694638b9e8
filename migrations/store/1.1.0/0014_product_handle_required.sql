-- The last step: from now on every product has a handle, and no two have the same.
-- The require section asks first. A shop whose staff has entered a handle twice since 0013 is held
-- and can be looked at, where the unique index would have failed.

-- pgtide:require
SELECT NOT EXISTS (SELECT FROM product WHERE handle IS NULL);
SELECT NOT EXISTS (SELECT FROM product GROUP BY handle HAVING count(*) > 1);

-- pgtide:up lock_timeout=2s
ALTER TABLE product
    ALTER COLUMN handle SET NOT NULL,
    ADD CONSTRAINT product_handle_key UNIQUE (handle),
    ADD CONSTRAINT product_handle_check CHECK (handle ~ '^[a-z0-9]+(-[a-z0-9]+)*$');

-- pgtide:down
ALTER TABLE product
    DROP CONSTRAINT product_handle_check,
    DROP CONSTRAINT product_handle_key,
    ALTER COLUMN handle DROP NOT NULL;
