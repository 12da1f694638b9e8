-- Where the shop sells, and in which money. Filled by the seed set "base".

-- pgtide:up
CREATE TABLE currency (
    code     currency_code PRIMARY KEY,
    name     text NOT NULL,
    symbol   text NOT NULL,
    decimals smallint NOT NULL DEFAULT 2 CHECK (decimals BETWEEN 0 AND 4)
);

CREATE TABLE region (
    code          text PRIMARY KEY CHECK (code ~ '^[a-z]{2,8}$'),
    name          text NOT NULL,
    currency_code currency_code NOT NULL REFERENCES currency,
    tax_rate      numeric(5, 4) NOT NULL DEFAULT 0 CHECK (tax_rate BETWEEN 0 AND 1),
    tax_included  boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN region.tax_rate IS '0.19 is 19 %';
CREATE INDEX region_currency_code_idx ON region (currency_code);

CREATE TABLE country (
    code        text PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'),
    name        text NOT NULL,
    native_name text NOT NULL,
    region_code text REFERENCES region
);
COMMENT ON COLUMN country.region_code IS 'NULL: the shop does not ship there';
CREATE INDEX country_region_code_idx ON country (region_code);

-- One row: the shop itself.
CREATE TABLE store (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    name          text NOT NULL,
    currency_code currency_code NOT NULL REFERENCES currency,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX store_currency_code_idx ON store (currency_code);

-- pgtide:down
DROP TABLE store;
DROP TABLE country;
DROP TABLE region;
DROP TABLE currency;
