-- Products get a handle: the readable last part of their address, /products/blue-shirt.
-- Three steps: add the column (here), fill it (0013), make it binding (0014). Without a default the
-- first step rewrites nothing; it waits at most two seconds for readers and then gives up, because
-- everybody else would queue behind it.

-- pgtide:up lock_timeout=2s
ALTER TABLE product ADD COLUMN handle text;

-- pgtide:down
ALTER TABLE product DROP COLUMN handle;
