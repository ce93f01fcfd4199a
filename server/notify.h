/* Keyspace notifications: what was noted of keys (notice.h) is published to __keyspace@<db>__:<key> and
 * __keyevent@<db>__:<event>, after the command and with no shard locked. */
#ifndef FLAGSTONE_SERVER_NOTIFY_H
#define FLAGSTONE_SERVER_NOTIFY_H

#include "server/command.h"
#include "server/notice.h"
#include "slab/base/assert.h"

/* For handlers: notes what they did to a key, if anybody may want to know. */
static inline void notify_key(const struct cmd_ctx *c, enum notice what, const struct skey *k)
{
    if (UNLIKELY(c->notify))
        notice_add(c->sx, what, k->db, k->p, k->len);
}

/* Publishes what the context noted. `w` is the worker that it belongs to, NULL: the memory thread's. No lock held. */
void notify_publish(struct server *s, struct worker *w, struct store_ctx *sx);

/* The same at the end of a command, whose connection is held as a publisher's is while messages pile up. */
void notify_command(struct cmd_ctx *c);

#endif
