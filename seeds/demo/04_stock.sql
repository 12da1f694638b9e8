-- One warehouse with twenty pieces of everything. Counted stock is never overwritten.
INSERT INTO stock_location (code, name, country_code)
VALUES ('main', 'Warehouse', 'DE')
ON CONFLICT (code) DO UPDATE SET name = excluded.name;

INSERT INTO stock_level (location_code, variant_id, on_hand)
SELECT 'main', id, 20
  FROM product_variant
ON CONFLICT DO NOTHING;
