/*
 * shared_sql.h: the statements of a turn (shared_run.h), in the order in which a turn runs them.
 * $1 is the run, $2 the member.
 */
#ifndef ORCHESTRATOR_SHARED_SQL_H
#define ORCHESTRATOR_SHARED_SQL_H

extern const char shared_sql_turn[];       /* locks the run's row */
extern const char shared_sql_seen[];       /* gives the member's last turn */
extern const char shared_sql_member[];     /* $3 host, $4 pid, $5 lease in ms, $6 servers down */
extern const char shared_sql_ends[];       /* $3 JSON rows: tenant, outcome, good, result */
extern const char shared_sql_conduct[];    /* takes over where nobody conducts */
extern const char shared_sql_retire[];     /* of one that leaves: another may conduct */
extern const char shared_sql_waves[];      /* of a conductor: $3 JSON rows: wave, state, ... */
extern const char shared_sql_stop[];       /* of a conductor: $3 rule, $4 wave */
extern const char shared_sql_halt[];       /* where a budget of the run or a wave is exceeded */
extern const char shared_sql_leave_out[];  /* where one of a server is */
extern const char shared_sql_cancel[];     /* of a halted run: what is ready ends */
extern const char shared_sql_drop[];       /* the same of servers left out */
extern const char shared_sql_give_up[];    /* of a halted run: what dead members had ends */
extern const char shared_sql_take_over[];  /* $3 capacity, $4 by server, $5 servers down */
extern const char shared_sql_give_back[];  /* $3 tenants */
extern const char shared_sql_claim[];      /* $3 capacity, $4 by server, $5 tenants not to claim */
extern const char shared_sql_claim_down[]; /* $3 servers down */
extern const char shared_sql_claims[];     /* gives tenant, takeovers */
extern const char
    shared_sql_news[];                    /* what has ended after turn $3, tenant $4, up to turn $5,
                                             $6 of them: gives tenant, outcome, here, result, host, turn */
extern const char shared_sql_wave_news[]; /* gives wave, state, started, finished, soak left */
extern const char shared_sql_server_news[]; /* gives the servers left out */
extern const char shared_sql_facts[];   /* gives turn, halt_*, conducts, in work, ready, machines */
extern const char shared_sql_release[]; /* gives back all claims of the member */
extern const char shared_sql_resign[];  /* ends its membership */
extern const char shared_sql_over[];    /* if all tenants have ended */
extern const char shared_sql_unlock[];  /* gives the fleet lock back with the last member */
extern const char shared_sql_members[]; /* gives how many are alive */

#endif
