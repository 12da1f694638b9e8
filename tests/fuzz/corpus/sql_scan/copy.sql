COPY t (a, "b") FROM stdin;
1	a
\N	;
\.
SELECT 2;
COPY public.u FROM STDIN WITH (FORMAT csv); -- rows
\.
