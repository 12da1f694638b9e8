-- x
SELECT 'ä日😀';
\connect x
