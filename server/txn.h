/* Transactions: what MULTI has queued on a connection, and EXEC.
 *
 * EXEC computes the keys of all queued commands, locks their shards in ascending order, once, and runs the commands one
 * after the other; nobody sees them half done. Commands that lock by themselves or look at more than keys (FLUSHALL,
 * SCAN, COPY into another database, CONFIG ...) make EXEC close the gate instead (gate.h): no other worker runs a
 * command meanwhile.
 * Memory: EXEC wins what the queued arguments may take before it locks, since nothing can be reclaimed while shards are
 * locked, and may overdraw the budget of pages by as much where others were quicker. A command that needs more yet
 * answers OOM, and the others run, as Redis has it. */
#ifndef FLAGSTONE_SERVER_TXN_H
#define FLAGSTONE_SERVER_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/command.h"

struct conn;
struct kept;
struct skey;
struct worker;

struct txn {
    struct kept *first, *last;
    uint32_t n;
    size_t bytes;   /* of the queue */
    size_t large;   /* of them: large arguments */
    uint32_t flags; /* of all queued commands together, enum cmd_flag */
    bool aborted;   /* a command was refused: EXEC will be, too */
    bool gated;     /* some command needs the gate */
};

enum txn_answer {
    TXN_RUNS,    /* the command is not for the queue: run it */
    TXN_QUEUED,  /* was queued, large arguments taken over */
    TXN_REFUSED, /* not allowed in a transaction: the error was replied */
};

/* A command without fault came in MULTI. */
enum txn_answer txn_take(struct cmd_ctx *c, const struct command *cmd, struct arg *argv, int argc);

/* A command that came in MULTI was refused. */
void txn_abort(struct conn *c);

/* What the connection's EXEC would run has this flag. */
bool txn_has(struct conn *c, uint32_t flag);

/* Ends MULTI and WATCH without running anything. */
void txn_drop(struct conn *c);

/* Bytes of the queue and of what is watched; those of large arguments are added to *large, too. */
size_t txn_memory(struct conn *c, size_t *large);

/* txn_exec.c: runs and replies; MULTI and WATCH are over. */
void txn_exec(struct cmd_ctx *c);

#endif
