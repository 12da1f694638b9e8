-- For the list of the latest orders. The biggest table of a shop gets its index CONCURRENTLY, so
-- that orders come in while it is built. That is not possible within a transaction.
-- pgtide: transaction=none

-- pgtide:up
CREATE INDEX CONCURRENTLY sales_order_placed_at_idx ON sales_order (placed_at DESC);

-- pgtide:verify
SELECT indisvalid FROM pg_index WHERE indexrelid = 'sales_order_placed_at_idx'::regclass;

-- pgtide:down
DROP INDEX CONCURRENTLY IF EXISTS sales_order_placed_at_idx;
