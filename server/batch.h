/* The batch: requests of one loop turn, of one or several connections, executed in stages.
 *
 * A connection that became readable opens its group, adds the requests that it parsed, and closes the group. At
 * latest at the end of the loop turn batch_run executes everything in order, so that the cache misses of all keys
 * overlap, and then finishes the connections (batch_run of a full batch leaves the open one unfinished). */
#ifndef FLAGSTONE_SERVER_BATCH_H
#define FLAGSTONE_SERVER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/resp_parse.h"
#include "server/ahead.h"
#include "server/command.h"
#include "server/dispatch.h"

struct conn;
struct worker;

enum {
    BATCH_REQUESTS = 512,
    BATCH_ARGS = 8192,             /* with more arguments than this the batch is run at once */
    BATCH_INPUT = 64 * 1024,       /* bytes read in one go */
    BATCH_INPUT_LEAST = 16 * 1024, /* with less room than this it is run, to have room again */
    BATCH_REPLIES = 256 * 1024,    /* with more bytes of replies to be expected than this it is run at once */
    BATCH_OUTPUT = 64 * 1024,      /* the reply buffer that is lent */
    BATCH_OUTPUT_LEAST = 8 * 1024, /* with less of it left replies are sent, to have room again */
};

/* The requests [first, first + n) are those of one connection. */
struct batch_group {
    struct conn *conn;
    uint32_t n;
    const char *tail; /* what it has that is not parsed; in the batch's input or in its own buffer */
    size_t tail_len;
    bool lent; /* it has, or had its chance of, a part of the reply buffer */
};

struct batch {
    struct resp_args args;
    uint32_t nreq, ngroups;
    uint32_t finished; /* groups of the batch that runs, whose replies were sent */
    bool open;         /* the last group still grows */
    struct keys keys;
    struct ahead ahead;
    char *in; /* BATCH_INPUT bytes, of which in_used are in use by requests of this batch */
    size_t in_used;
    char *out; /* BATCH_OUTPUT bytes, of which out_used are replies not sent yet */
    size_t out_used;
    size_t expected; /* bytes of replies, by the means of the connections */
    struct batch_group group[BATCH_REQUESTS + 1];
    struct request req[BATCH_REQUESTS];
};

struct batch *batch_new(void); /* NULL: memory is short */
void batch_free(struct batch *b);

/* batch_run must follow: no more requests, arguments or replies are to be taken in. */
static inline bool batch_is_full(const struct batch *b)
{
    return b->nreq == BATCH_REQUESTS || b->args.n > BATCH_ARGS || b->expected > BATCH_REPLIES;
}

/* Opens the group of a connection that is in no batch. */
void batch_open(struct worker *w, struct conn *c);

/* Adds a request to the open group; true: the batch is full, batch_run must follow. */
bool batch_add(struct worker *w, struct conn *c, const struct resp_result *res, bool has_big);

/* Closes it. `tail`: the bytes that the parser did not consume. A group with nothing left to run is finished at
 * once: the connection may be gone then. */
void batch_close(struct worker *w, const char *tail, size_t n);

/* Runs everything. Connections whose group is closed are finished and may be gone. */
void batch_run(struct worker *w);

#endif
