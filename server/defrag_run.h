/* Runs of active defragmentation: what the memory thread is told to do, how hard it works, and what it tells of it.
 *
 * A run begins with the first page that is won and ends when for a second there was nothing more to win. Its state is
 * written by the memory thread alone, but for `hand`, and read anywhere. */
#ifndef FLAGSTONE_SERVER_DEFRAG_RUN_H
#define FLAGSTONE_SERVER_DEFRAG_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "defrag/policy.h"

struct server;

/* MEMORY DEFRAG. START is over when there is nothing left to win, or nothing
 * could be won for a second; STOP holds until the next START. */
enum defrag_hand { DEFRAG_AUTO, DEFRAG_START, DEFRAG_STOP };

struct defrag_run {
    _Atomic int hand;               /* enum defrag_hand; any thread */
    _Atomic int why;                /* enum policy_why of the last decision */
    _Atomic uint32_t effort;        /* per mille of a core; 0: idle */
    _Atomic uint32_t guard;         /* per mille of that effort which the latency guard leaves */
    _Atomic uint64_t begun_ns;      /* monotonic, 0: no run */
    _Atomic uint64_t total_ns;      /* of the runs that are over */
    _Atomic uint64_t runs;          /* begun since the start */
    _Atomic uint64_t pages, cpu_ns; /* won and spent by the run that goes on, or the last */
    _Atomic uint64_t bytes_before;  /* moved_bytes when it began */
    _Atomic uint64_t bytes_after;   /* and when the last one ended */
    _Atomic uint64_t won_ns;        /* when a page was won last */
    _Atomic uint64_t asked_ns;      /* when START was asked for last */
    uint64_t logged_ns;             /* when a run's begin was logged last */
    uint64_t mark;                  /* moved_bytes before a step that may begin a run */
    uint64_t guard_ns;              /* when the guard looks again */
    uint64_t calls, late;           /* commands, and those over the target, when it looked last */
    bool logged;                    /* this run's begin was */
};

/* The effort that is due now, per mille of a core, 0: none, *why says why. The memory thread. */
uint32_t defrag_run_effort(struct server *srv, uint64_t now_ns, enum policy_why *why);
/* A page was won between these times, with so much CPU; there was nothing to win, or nothing was to be done. The memory
 * thread. */
void defrag_run_won(struct server *srv, uint64_t from_ns, uint64_t to_ns, uint64_t cpu_ns);
void defrag_run_idle(struct server *srv, uint64_t now_ns, enum policy_why why);

/* Any thread. */
void defrag_run_ask(struct server *srv, enum defrag_hand hand);

struct defrag_report {
    bool running;
    enum policy_why why;
    uint32_t effort, guard;        /* per mille */
    uint64_t runs, ms, total_ms;   /* ms: of the run that goes on, 0: none */
    uint64_t pages, bytes, cpu_ms; /* won, moved and spent by the run that goes on, or the last */
    size_t scattered;              /* bytes that could be won now */
    uint32_t progress;             /* per cent of what the run has won and could win */
};
void defrag_run_report(struct server *srv, struct defrag_report *r);

#endif
