/*
 * shared_sql.c: the statements of a turn.
 *
 * Each has a snapshot of its own (READ COMMITTED), taken after the first of them has locked the
 * run's row: what other members have done in their turns is seen in full. Rows to be changed are
 * picked as an array of tenants: whatever the server guesses about their number, it finds them by
 * the primary key.
 */
#include "orchestrator/shared_sql.h"

/* A member whose lease lasts; `m` is the row, `who` what it must be. */
#define IS_ALIVE(who)                                                                              \
    "EXISTS (SELECT FROM pgtide_shared_member m WHERE m.run = $1 AND m.member = " who              \
    " AND m.lease_until > clock_timestamp())"

#define THIS_TURN "(SELECT r.turn FROM pgtide_shared_run r WHERE r.run = $1)"

#define IS_HALTED                                                                                  \
    "EXISTS (SELECT FROM pgtide_shared_run r WHERE r.run = $1 AND r.halt_rule IS NOT NULL)"

/* A server that no living member can reach. */
#define IS_DOWN_FOR_ALL(server)                                                                    \
    "NOT EXISTS (SELECT FROM pgtide_shared_member m WHERE m.run = $1 AND m.lease_until > "         \
    "clock_timestamp() AND NOT " server " = ANY (m.down))"

const char shared_sql_turn[] = "UPDATE pgtide_shared_run SET turn = turn + 1 WHERE run = $1";

const char shared_sql_seen[] =
    "SELECT turn FROM pgtide_shared_member WHERE run = $1 AND member = $2";

const char shared_sql_member[] =
    "INSERT INTO pgtide_shared_member AS m (run, member, host, pid, joined, lease_until, down, "
    "turn) "
    "VALUES ($1, $2, $3, $4::bigint, clock_timestamp(), "
    "clock_timestamp() + $5::bigint * interval '1 ms', $6::bigint[], " THIS_TURN ") "
    "ON CONFLICT (run, member) DO UPDATE SET lease_until = excluded.lease_until, "
    "down = excluded.down, turn = excluded.turn";

const char shared_sql_ends[] =
    "WITH ended AS ("
    "UPDATE pgtide_shared_tenant t SET state = 'ended', outcome = e.outcome, result = e.result, "
    "turn = " THIS_TURN " "
    "FROM json_to_recordset($3::json) AS e (tenant bigint, outcome text, good bigint, result text) "
    "WHERE t.run = $1 AND t.tenant = e.tenant AND t.member = $2 AND t.state = 'claimed' "
    "RETURNING t.wave, t.server, t.outcome, e.good), "
    "ramp AS ("
    "UPDATE pgtide_shared_wave w SET good = w.good + g.good "
    "FROM (SELECT wave, sum(good)::bigint AS good FROM ended GROUP BY wave) g "
    "WHERE w.run = $1 AND w.wave = g.wave) "
    "UPDATE pgtide_shared_budget b SET counted = b.counted + c.n FROM ("
    "SELECT x.budget, count(*) AS n FROM pgtide_shared_budget x JOIN ended e "
    "ON coalesce(x.wave, e.wave) = e.wave AND coalesce(x.server, e.server) = e.server "
    "AND e.outcome = ANY (x.outcomes) WHERE x.run = $1 GROUP BY x.budget) c "
    "WHERE b.run = $1 AND b.budget = c.budget";

const char shared_sql_conduct[] =
    "UPDATE pgtide_shared_run r SET conductor = $2 WHERE r.run = $1 "
    "AND r.conductor IS DISTINCT FROM $2 AND NOT " IS_ALIVE("r.conductor");

const char shared_sql_retire[] =
    "UPDATE pgtide_shared_run SET conductor = NULL WHERE run = $1 AND conductor = $2";

const char shared_sql_waves[] =
    "UPDATE pgtide_shared_wave w SET state = e.state, started_ms = e.started, "
    "finished_ms = e.finished, soak_until = clock_timestamp() + e.soak * interval '1 ms' "
    "FROM json_to_recordset($3::json) AS e (wave bigint, state text, started bigint, "
    "finished bigint, soak bigint) "
    "WHERE w.run = $1 AND w.wave = e.wave AND EXISTS (SELECT FROM pgtide_shared_run r "
    "WHERE r.run = $1 AND r.conductor = $2)";

const char shared_sql_stop[] =
    "UPDATE pgtide_shared_run r SET halt_rule = $3, halt_wave = $4::bigint, halt_limit = 0, "
    "halt_percent = 0, halt_tolerated = 0, halt_failures = 0, halt_in_work = "
    "(SELECT count(*) FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state = 'claimed') "
    "WHERE r.run = $1 AND r.conductor = $2 AND r.halt_rule IS NULL";

/*
 * Tenants that end in one turn end one after another as far as budgets go: those that count beyond
 * the first one too many were in work when that one halted the run.
 */
const char shared_sql_halt[] =
    "UPDATE pgtide_shared_run r SET halt_rule = b.rule, halt_limit = b.size, "
    "halt_percent = b.percent, halt_tolerated = b.tolerated, halt_failures = b.tolerated + 1, "
    "halt_wave = b.wave, halt_in_work = b.counted - b.tolerated - 1 + "
    "(SELECT count(*) FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state = 'claimed') "
    "FROM (SELECT * FROM pgtide_shared_budget x WHERE x.run = $1 AND x.server IS NULL "
    "AND x.counted > x.tolerated ORDER BY x.budget LIMIT 1) b "
    "WHERE r.run = $1 AND r.halt_rule IS NULL";

const char shared_sql_leave_out[] =
    "UPDATE pgtide_shared_server s SET left_out = 1 FROM pgtide_shared_budget b "
    "WHERE s.run = $1 AND s.left_out = 0 AND b.run = $1 AND b.server = s.server "
    "AND b.counted > b.tolerated";

const char shared_sql_cancel[] =
    "UPDATE pgtide_shared_tenant t SET state = 'ended', outcome = 'cancelled', turn = " THIS_TURN
    " WHERE t.run = $1 AND t.state = 'ready' AND " IS_HALTED;

const char shared_sql_drop[] =
    "UPDATE pgtide_shared_tenant t SET state = 'ended', outcome = 'cancelled', turn = " THIS_TURN
    " WHERE t.run = $1 AND t.state = 'ready' AND t.server = ANY (ARRAY(SELECT s.server "
    "FROM pgtide_shared_server s WHERE s.run = $1 AND s.left_out = 1))";

const char shared_sql_give_up[] =
    "UPDATE pgtide_shared_tenant t SET state = 'ended', outcome = 'unknown', turn = " THIS_TURN
    " WHERE t.run = $1 AND t.state = 'claimed' AND " IS_HALTED " AND NOT " IS_ALIVE("t.member");

const char shared_sql_take_over[] =
    "UPDATE pgtide_shared_tenant t SET member = $2, takeovers = t.takeovers + 1 "
    "WHERE t.run = $1 AND t.tenant = ANY (ARRAY("
    "SELECT c.tenant FROM pgtide_shared_tenant c WHERE c.run = $1 AND c.state = 'claimed' "
    "AND c.member <> $2 AND NOT " IS_ALIVE(
        "c.member") " AND NOT " IS_HALTED " "
                    "AND (($4::bigint[])[c.server + 1] > 0 OR (c.server = ANY ($5::bigint[]) "
                    "AND " IS_DOWN_FOR_ALL(
                        "c.server") ")) "
                                    "ORDER BY c.tenant LIMIT greatest(0, $3::bigint - (SELECT "
                                    "count(*) FROM pgtide_shared_tenant o "
                                    "WHERE o.run = $1 AND o.member = $2 AND o.state = 'claimed')) "
                                    "FOR UPDATE SKIP LOCKED))";

const char shared_sql_give_back[] =
    "UPDATE pgtide_shared_tenant SET state = 'ready', member = NULL WHERE run = $1 "
    "AND member = $2 AND state = 'claimed' AND tenant = ANY ($3::bigint[])";

/*
 * `servers` and `waves` have the places left in them. From each pair of the two, a lane, come as
 * many tenants as it may give, in order; then servers take turns, and where the lanes of a server
 * or of a wave give more than it has room for, the later ones wait. The first tenant of the first
 * lane always has room, so that a turn which could claim something does. $3 and $4 are what the
 * member can hold, with what it has: asked again, it gets no more.
 */
const char shared_sql_claim[] =
    "WITH claimed AS MATERIALIZED ("
    "SELECT t.server, t.wave, t.member, count(*) AS n FROM pgtide_shared_tenant t "
    "WHERE t.run = $1 AND t.state = 'claimed' GROUP BY t.server, t.wave, t.member), "
    "room AS (SELECT greatest(0, $3::bigint - coalesce((SELECT sum(n) FROM claimed "
    "WHERE member = $2), 0)) AS n), "
    "servers AS (SELECT s.server, least("
    "s.cap - coalesce((SELECT sum(n) FROM claimed c WHERE c.server = s.server), 0), "
    "($4::bigint[])[s.server + 1] - coalesce((SELECT sum(n) FROM claimed c "
    "WHERE c.server = s.server AND c.member = $2), 0)) AS n "
    "FROM pgtide_shared_server s WHERE s.run = $1 AND s.left_out = 0), "
    "waves AS (SELECT w.wave, w.per_server, least(w.workers, CASE WHEN w.ramp_up = 1 THEN "
    "power(2, floor(log(2, w.good + 1) + 0.000001)) END) "
    "- coalesce((SELECT sum(n) FROM claimed c WHERE c.wave = w.wave), 0) AS n "
    "FROM pgtide_shared_wave w WHERE w.run = $1 AND w.state = 'open' AND NOT " IS_HALTED "), "
    "lanes AS (SELECT t.tenant, t.server, t.wave, t.position, s.n AS server_n, w.n AS wave_n, "
    "row_number() OVER (PARTITION BY t.server ORDER BY t.wave, t.position) AS nth "
    "FROM room r CROSS JOIN servers s CROSS JOIN waves w CROSS JOIN LATERAL ("
    "SELECT * FROM pgtide_shared_tenant o WHERE o.run = $1 AND o.state = 'ready' "
    "AND o.server = s.server AND o.wave = w.wave "
    "AND o.tenant NOT IN (SELECT unnest($5::bigint[])) ORDER BY o.position "
    "LIMIT greatest(0, least(r.n, s.n, w.n, w.per_server - coalesce((SELECT sum(n) FROM claimed c "
    "WHERE c.server = s.server AND c.wave = w.wave), 0)))::bigint) t), "
    "picked AS (SELECT l.*, row_number() OVER (PARTITION BY l.wave ORDER BY l.nth, l.server) "
    "AS nth_of_wave FROM lanes l WHERE l.nth <= l.server_n) "
    "UPDATE pgtide_shared_tenant t SET state = 'claimed', member = $2 "
    "WHERE t.run = $1 AND t.tenant = ANY (ARRAY("
    "SELECT o.tenant FROM pgtide_shared_tenant o WHERE o.run = $1 AND o.state = 'ready' "
    "AND o.tenant = ANY (ARRAY(SELECT p.tenant FROM picked p "
    "WHERE p.wave_n IS NULL OR p.nth_of_wave <= p.wave_n "
    "ORDER BY p.nth, p.server LIMIT (SELECT n FROM room)::bigint)) FOR UPDATE SKIP LOCKED))";

/* The last thing to do in a wave, as schedule.h has it: whatever is on servers that can be reached
 * comes first. */
const char shared_sql_claim_down[] =
    "UPDATE pgtide_shared_tenant t SET state = 'claimed', member = $2 "
    "FROM pgtide_shared_wave w WHERE w.run = $1 AND w.state = 'open' AND NOT " IS_HALTED " "
    "AND t.run = $1 AND t.wave = w.wave AND t.state = 'ready' AND t.server = ANY ($3::bigint[]) "
    "AND " IS_DOWN_FOR_ALL(
        "t.server") " "
                    "AND NOT EXISTS (SELECT FROM pgtide_shared_tenant o WHERE o.run = $1 AND "
                    "o.wave = w.wave "
                    "AND o.state = 'ready' AND NOT o.server = ANY ($3::bigint[]))";

const char shared_sql_claims[] =
    "SELECT tenant, takeovers FROM pgtide_shared_tenant "
    "WHERE run = $1 AND member = $2 AND state = 'claimed' ORDER BY wave, position";

const char shared_sql_news[] =
    "SELECT t.tenant, t.outcome, (t.member IS NOT DISTINCT FROM $2)::int, "
    "CASE WHEN t.member <> $2 THEN t.result END, split_part(t.member, ':', 1), "
    "t.turn FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state = 'ended' "
    "AND (t.turn, t.tenant) > ($3::bigint, $4::bigint) AND t.turn <= $5::bigint "
    "ORDER BY t.turn, t.tenant LIMIT $6::bigint";

const char shared_sql_wave_news[] =
    "SELECT wave, state, started_ms, finished_ms, coalesce(greatest(0, "
    "extract(epoch FROM soak_until - clock_timestamp()) * 1000), 0)::bigint "
    "FROM pgtide_shared_wave WHERE run = $1";

const char shared_sql_server_news[] =
    "SELECT server FROM pgtide_shared_server WHERE run = $1 AND left_out = 1";

const char shared_sql_facts[] =
    "SELECT r.turn, r.halt_rule, r.halt_limit, r.halt_percent, r.halt_tolerated, r.halt_failures, "
    "r.halt_in_work, r.halt_wave, (r.conductor IS NOT DISTINCT FROM $2)::int, "
    "(SELECT count(*) FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state = 'claimed'), "
    "EXISTS (SELECT FROM pgtide_shared_server s CROSS JOIN pgtide_shared_wave w CROSS JOIN LATERAL "
    "(SELECT FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state = 'ready' "
    "AND t.server = s.server AND t.wave = w.wave LIMIT 1) t " /* by its index, however many wait */
    "WHERE s.run = $1 AND w.run = $1 AND w.state = 'open')::int, "
    "(SELECT count(*) FROM pgtide_shared_member m WHERE m.run = $1 "
    "AND m.lease_until > clock_timestamp()) "
    "FROM pgtide_shared_run r WHERE r.run = $1";

const char shared_sql_release[] = "UPDATE pgtide_shared_tenant SET state = 'ready', member = NULL "
                                  "WHERE run = $1 AND member = $2 AND state = 'claimed'";

const char shared_sql_resign[] =
    "WITH gone AS (DELETE FROM pgtide_shared_member WHERE run = $1 AND member = $2) "
    "UPDATE pgtide_shared_run SET conductor = NULL WHERE run = $1 AND conductor = $2";

const char shared_sql_over[] =
    "UPDATE pgtide_shared_run SET over = clock_timestamp() WHERE run = $1 AND over IS NULL "
    "AND NOT EXISTS (SELECT FROM pgtide_shared_tenant t WHERE t.run = $1 AND t.state <> 'ended')";

const char shared_sql_unlock[] =
    "DELETE FROM pgtide_lock WHERE run = $1 AND NOT EXISTS "
    "(SELECT FROM pgtide_shared_member m WHERE m.run = $1 AND m.lease_until > clock_timestamp())";

const char shared_sql_members[] = "SELECT count(*) FROM pgtide_shared_member m WHERE m.run = $1 "
                                  "AND m.lease_until > clock_timestamp()";
