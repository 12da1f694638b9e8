-- pgtide's history table, for the programs that pgtide is compared with: all do the same work.
BEGIN;
CREATE TABLE public.pgtide_history (
    rank bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    version bigint,
    name text NOT NULL,
    checksum text,
    code_checksum text,
    state text NOT NULL,
    statements_done int NOT NULL,
    statements_total int NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    duration_ms bigint,
    applied_by text NOT NULL,
    run_id text,
    tool text NOT NULL,
    detail jsonb
);
CREATE UNIQUE INDEX pgtide_history_version ON public.pgtide_history (version, name)
    WHERE state <> 'reverted' AND version IS NOT NULL;
COMMENT ON TABLE public.pgtide_history IS 'pgtide history, layout 1';
COMMIT;
