-- A data update: makes handles from titles. "Größe: 'M' & mehr" becomes "groesse-m-mehr", a second
-- product of the same title gets its id behind it.

-- pgtide:up
WITH named AS (
    SELECT id,
           trim(BOTH '-' FROM regexp_replace(
               translate(
                   replace(replace(replace(replace(lower(title),
                       'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß', 'ss'),
                   'áàâçéèêëíìîïñóòôúùû', 'aaaceeeeiiiinooouuu'),
               '[^a-z0-9]+', '-', 'g')) AS base
      FROM product
     WHERE handle IS NULL
), numbered AS (
    SELECT id, base, row_number() OVER (PARTITION BY base ORDER BY id) AS n
      FROM named
)
UPDATE product
   SET handle = CASE
                    WHEN n.base = '' THEN 'product-' || n.id
                    WHEN n.n > 1 THEN n.base || '-' || n.id
                    ELSE n.base
                END
  FROM numbered n
 WHERE product.id = n.id;

-- pgtide:verify
SELECT count(*) = 0 FROM product WHERE handle IS NULL OR handle !~ '^[a-z0-9]+(-[a-z0-9]+)*$';

-- pgtide:down
UPDATE product SET handle = NULL;
