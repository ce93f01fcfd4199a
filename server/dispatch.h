/* Dispatch: from parsed arguments to the handler and back, in two halves.
 *
 * dispatch_prepare, when a request was parsed: finds the command and its keys, and hashes them. dispatch_run, later and
 * in order: checks, locks, runs, counts. */
#ifndef FLAGSTONE_SERVER_DISPATCH_H
#define FLAGSTONE_SERVER_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/command.h"

struct conn;
struct kept;
struct worker;

/* What is wrong with a request, as far as is known before it runs. */
enum request_fault {
    REQUEST_FINE,
    REQUEST_UNKNOWN,   /* no such command */
    REQUEST_LACKS_SUB, /* no such subcommand */
    REQUEST_ARITY,
    REQUEST_KEY_LONG,  /* a key is longer than STORE_KEY_MAX */
    REQUEST_NO_MEMORY, /* a large argument found no memory, or the keys' array */
};

struct request {
    const struct command *cmd; /* NULL: unknown */
    uint32_t first;            /* its arguments begin here in the batch's */
    uint32_t argc;
    uint32_t key, nkeys; /* its keys in the batch's */
    uint8_t fault;       /* enum request_fault */
    bool has_big;        /* some argument is a large one */
    bool quick;          /* a plain GET or SET (quick.h) */
};

/* Keys of all requests of a batch, one after the other. */
struct keys {
    struct skey *v;
    size_t n, cap;
};

/* Room for n more, NULL: memory is short. The caller adds to keys->n what it fills. */
struct skey *keys_room(struct keys *k, size_t n);

void dispatch_prepare(struct worker *w, struct conn *c, struct request *r, const struct arg *argv, struct keys *keys);

/* What stays the same over a connection's requests; dispatch_begin sets it up. */
struct dispatch {
    struct cmd_ctx ctx;
    uint64_t ticks;    /* when the last command ended */
    uint64_t watch_ns; /* from this duration on a command is slow */
};
void dispatch_begin(struct dispatch *d, struct worker *w, struct conn *c);

/* Nothing is odd with the connection or the server: a command that has no fault runs at once. */
bool dispatch_is_plain(const struct dispatch *d);

/* Nanoseconds since the last command ended, which is now; ctx.cmd and ctx.argv name it, should that have been slow. */
uint64_t dispatch_lap(struct dispatch *d);

/* Adds the keys of a command that was checked before, in physical database `db`. False: memory is short. */
bool dispatch_keys(struct worker *w, const struct command *cmd, const struct arg *argv, int argc, uint16_t db,
                   struct keys *keys);

/* Runs a command of a transaction for its EXEC, with statistics of its own. `locked`: the shards of its keys are, and
 * stay so; what runs short of memory answers OOM then. */
void dispatch_queued(struct cmd_ctx *exec, struct kept *k, const struct skey *keys, uint32_t nkeys, bool locked);

/* Runs a request, or parks it, or queues it (MULTI). Its large arguments are given back afterwards. */
void dispatch_run(struct dispatch *d, struct request *r, struct arg *argv, struct keys *keys);

#endif
