-- One line per order for the back office. A repeatable: edit this file, and the next run brings the
-- new version to every store. DROP and CREATE, because CREATE OR REPLACE cannot take columns away.

DROP VIEW IF EXISTS order_overview;

CREATE VIEW order_overview AS
SELECT o.number,
       o.placed_at,
       o.status,
       coalesce(nullif(concat_ws(' ', c.first_name, c.last_name), ''), o.email) AS customer,
       o.currency_code,
       l.items,
       l.goods + o.shipping_total - o.discount_total - o.gift_card_total AS total,
       coalesce(p.paid, 0) AS paid,
       coalesce(f.shipped, 0) AS shipped_items
  FROM sales_order o
  LEFT JOIN customer c ON c.id = o.customer_id
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(quantity), 0) AS items, coalesce(sum(total), 0) AS goods
         FROM order_line
        WHERE order_id = o.id) l
  LEFT JOIN LATERAL (
       SELECT sum(amount) AS paid
         FROM payment
        WHERE order_id = o.id AND captured_at IS NOT NULL) p ON true
  LEFT JOIN LATERAL (
       SELECT sum(fl.quantity) AS shipped
         FROM fulfilment f
         JOIN fulfilment_line fl ON fl.fulfilment_id = f.id
        WHERE f.order_id = o.id AND f.shipped_at IS NOT NULL) f ON true;

COMMENT ON VIEW order_overview IS 'amounts in the smallest unit of currency_code';
