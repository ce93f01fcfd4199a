/* See notify.h. */
#include "server/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conn.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/worker.h"

enum { HEAD_CHARS = 32, FEW_CHARS = 512 };

static bool anybody_listens(struct server *s)
{
    return pubsub_topics(s->pubsub, TOPIC_CHANNEL) > 0 || pubsub_topics(s->pubsub, TOPIC_PATTERN) > 0;
}

/* Publishes `message` to __<space>@<db>__:<name>. */
static void tell(struct server *s, struct worker *w, const char *space, int db, const char *name, size_t n,
                 const char *message, size_t len)
{
    char few[FEW_CHARS], *channel = few;
    if (HEAD_CHARS + n > sizeof few && (channel = malloc(HEAD_CHARS + n)) == NULL)
        return;
    size_t head = (size_t)snprintf(channel, HEAD_CHARS, "__%s@%d__:", space, db);
    memcpy(channel + head, name, n);
    pubsub_publish(s, w, TOPIC_CHANNEL, channel, head + n, message, len);
    if (channel != few)
        free(channel);
}

void notify_publish(struct server *s, struct worker *w, struct store_ctx *sx)
{
    struct noted n;
    uint32_t wanted = notices_wanted(s->store);
    size_t at = 0;
    if (notices_none(sx))
        return;
    while (anybody_listens(s) && notices_next(sx, &at, &n)) {
        if ((wanted & NOTICES_KEYSPACE) != 0)
            tell(s, w, "keyspace", n.db, n.key, n.key_len, n.event, strlen(n.event));
        if ((wanted & NOTICES_KEYEVENT) != 0)
            tell(s, w, "keyevent", n.db, n.event, strlen(n.event), n.key, n.key_len);
    }
    notices_clear(sx);
}

void notify_command(struct cmd_ctx *c)
{
    if (notices_none(c->sx))
        return;
    notify_publish(c->srv, c->wkr, c->sx);
    if (UNLIKELY(pubsub_congested(c->srv))) {
        conn_set(c->conn, CONN_PUBLISHER);
        c->wkr->publishers_wait = true;
    }
}
