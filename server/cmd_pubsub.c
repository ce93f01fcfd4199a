/* SUBSCRIBE and its kin, PUBLISH, PUBSUB. */
#include <stdlib.h>

#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/value_reply.h"
#include "server/worker.h"
#include "slab/base/assert.h"

/* What SUBSCRIBE and UNSUBSCRIBE of a kind answer with: channels and patterns are counted together. */
static int64_t subscriptions(const struct cmd_ctx *c, enum topic_kind kind)
{
    if (kind == TOPIC_SHARD)
        return pubsub_count(c->conn, TOPIC_SHARD);
    return (int64_t)pubsub_count(c->conn, TOPIC_CHANNEL) + pubsub_count(c->conn, TOPIC_PATTERN);
}

/* CLIENT REPLY does not hide it, as it does not hide messages. */
static void confirm(struct cmd_ctx *c, const char *what, enum topic_kind kind, const char *name, size_t n)
{
    uint8_t muted = c->out->muted;
    c->out->muted = 0;
    reply_push(c->out, 3);
    reply_cstr(c->out, what);
    if (name != NULL)
        reply_bulk(c->out, name, n);
    else
        reply_null(c->out);
    reply_int(c->out, subscriptions(c, kind));
    c->out->muted = muted;
}

static void no_memory(struct cmd_ctx *c)
{
    reply_error(c->out, "OOM command not allowed when used memory > 'maxmemory'.");
}

static enum cmd_status subscribe(struct cmd_ctx *c, enum topic_kind kind, const char *what)
{
    for (int i = 1; i < c->argc; i++) {
        const char *name = arg_flatten(c, &c->argv[i]);
        if (name == NULL || !pubsub_subscribe(c->conn, kind, name, c->argv[i].len)) {
            no_memory(c);
            return CMD_DONE;
        }
        confirm(c, what, kind, name, c->argv[i].len);
    }
    return CMD_DONE;
}

struct left {
    struct cmd_ctx *c;
    enum topic_kind kind;
    const char *what;
};

static void confirm_left(void *arg, const char *name, size_t n)
{
    const struct left *l = arg;
    confirm(l->c, l->what, l->kind, name, n);
}

static enum cmd_status unsubscribe(struct cmd_ctx *c, enum topic_kind kind, const char *what)
{
    struct left l = {c, kind, what};
    for (int i = 1; i < c->argc; i++) {
        const char *name = arg_flatten(c, &c->argv[i]);
        if (name == NULL) {
            no_memory(c);
            return CMD_DONE;
        }
        pubsub_unsubscribe(c->conn, kind, name, c->argv[i].len);
        confirm(c, what, kind, name, c->argv[i].len);
    }
    if (c->argc > 1)
        return CMD_DONE;
    bool any = false;
    while (pubsub_unsubscribe_any(c->conn, kind, confirm_left, &l))
        any = true;
    if (!any)
        confirm(c, what, kind, NULL, 0);
    return CMD_DONE;
}

enum cmd_status cmd_subscribe(struct cmd_ctx *c)
{
    return subscribe(c, TOPIC_CHANNEL, "subscribe");
}

enum cmd_status cmd_psubscribe(struct cmd_ctx *c)
{
    return subscribe(c, TOPIC_PATTERN, "psubscribe");
}

enum cmd_status cmd_ssubscribe(struct cmd_ctx *c)
{
    return subscribe(c, TOPIC_SHARD, "ssubscribe");
}

enum cmd_status cmd_unsubscribe(struct cmd_ctx *c)
{
    return unsubscribe(c, TOPIC_CHANNEL, "unsubscribe");
}

enum cmd_status cmd_punsubscribe(struct cmd_ctx *c)
{
    return unsubscribe(c, TOPIC_PATTERN, "punsubscribe");
}

enum cmd_status cmd_sunsubscribe(struct cmd_ctx *c)
{
    return unsubscribe(c, TOPIC_SHARD, "sunsubscribe");
}

static enum cmd_status publish(struct cmd_ctx *c, enum topic_kind kind)
{
    const char *name = arg_flatten(c, &c->argv[1]), *message = arg_flatten(c, &c->argv[2]);
    if (name == NULL || message == NULL) {
        no_memory(c);
        return CMD_DONE;
    }
    reply_int(c->out, (int64_t)pubsub_publish(c->srv, c->wkr, kind, name, c->argv[1].len, message, c->argv[2].len));
    if (UNLIKELY(pubsub_congested(c->srv))) {
        conn_set(c->conn, CONN_PUBLISHER);
        c->wkr->publishers_wait = true;
    }
    return CMD_DONE;
}

enum cmd_status cmd_publish(struct cmd_ctx *c)
{
    return publish(c, TOPIC_CHANNEL);
}

enum cmd_status cmd_spublish(struct cmd_ctx *c)
{
    return publish(c, TOPIC_SHARD);
}

static enum cmd_status list(struct cmd_ctx *c, enum topic_kind kind)
{
    if (c->argc > 3) {
        reply_unknown_subcommand(c);
        return CMD_DONE;
    }
    const char *pattern = c->argc == 3 ? arg_flatten(c, &c->argv[2]) : NULL;
    pubsub_list(c->srv->pubsub, kind, pattern, pattern == NULL ? 0 : c->argv[2].len, c->out);
    return CMD_DONE;
}

static enum cmd_status count(struct cmd_ctx *c, enum topic_kind kind)
{
    reply_map(c->out, (size_t)(c->argc - 2));
    for (int i = 2; i < c->argc; i++) {
        const char *name = arg_flatten(c, &c->argv[i]);
        size_t n = name == NULL ? 0 : c->argv[i].len;
        reply_bulk(c->out, name == NULL ? "" : name, n);
        reply_int(c->out, (int64_t)pubsub_subscribers(c->srv->pubsub, kind, name == NULL ? "" : name, n));
    }
    return CMD_DONE;
}

enum cmd_status cmd_pubsub_channels(struct cmd_ctx *c)
{
    return list(c, TOPIC_CHANNEL);
}

enum cmd_status cmd_pubsub_shardchannels(struct cmd_ctx *c)
{
    return list(c, TOPIC_SHARD);
}

enum cmd_status cmd_pubsub_numsub(struct cmd_ctx *c)
{
    return count(c, TOPIC_CHANNEL);
}

enum cmd_status cmd_pubsub_shardnumsub(struct cmd_ctx *c)
{
    return count(c, TOPIC_SHARD);
}

enum cmd_status cmd_pubsub_numpat(struct cmd_ctx *c)
{
    reply_int(c->out, (int64_t)pubsub_topics(c->srv->pubsub, TOPIC_PATTERN));
    return CMD_DONE;
}

enum cmd_status cmd_pubsub_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
