-- What the other files build on.

-- pgtide:up
CREATE DOMAIN currency_code AS text
    CHECK (VALUE ~ '^[A-Z]{3}$');
COMMENT ON DOMAIN currency_code IS 'ISO 4217, for example EUR';

CREATE DOMAIN minor_amount AS bigint
    CHECK (VALUE >= 0);
COMMENT ON DOMAIN minor_amount IS 'money in the smallest unit of its currency: 1999 is 19.99 EUR';

-- Attached to every table that has an updated_at column.
CREATE FUNCTION touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

-- pgtide:down
DROP FUNCTION touch_updated_at();
DROP DOMAIN minor_amount;
DROP DOMAIN currency_code;
