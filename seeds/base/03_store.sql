-- The shop's own row. Its currency is the tenant's variable `currency` of fleet.yaml, euros where
-- it has none. What the shop has changed itself since then stays.
INSERT INTO store (name, currency_code)
VALUES (current_setting('pgtide.tenant'),
        coalesce(nullif(current_setting('pgtide.currency', true), ''), 'EUR'))
ON CONFLICT DO NOTHING;
