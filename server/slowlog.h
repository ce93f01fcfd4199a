/* The slow log: the last commands that took longer than slowlog-log-slower-than. One lock (LOCK_STATS), taken by
 * commands that were slow and by SLOWLOG, never by others. */
#ifndef FLAGSTONE_SERVER_SLOWLOG_H
#define FLAGSTONE_SERVER_SLOWLOG_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/reply.h"
#include "protocol/request.h"

struct slowlog;

enum { SLOWLOG_ARGS_MAX = 32, SLOWLOG_ARG_BYTES = 128 };

/* NULL when memory is short. */
struct slowlog *slowlog_new(void);
void slowlog_free(struct slowlog *l); /* NULL is allowed */

/* Notes a command: beyond 32 arguments the last says how many are left out, an argument beyond 128 bytes how many of
 * its bytes. Texts are copied. max_len: entries kept, oldest go first; 0 keeps none. */
void slowlog_add(struct slowlog *l, int64_t unix_s, uint64_t usec, const struct arg *argv, int argc, const char *peer,
                 const char *name, size_t max_len);

/* Drops entries beyond max_len. */
void slowlog_trim(struct slowlog *l, size_t max_len);
void slowlog_reset(struct slowlog *l);
size_t slowlog_len(struct slowlog *l);
size_t slowlog_memory(struct slowlog *l); /* bytes */

/* SLOWLOG GET: an array of the `count` newest. */
void slowlog_reply(struct slowlog *l, struct reply *out, size_t count);

#endif
