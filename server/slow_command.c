/* See slow_command.h. Secrets never reach the slow log: passwords of AUTH, HELLO and CONFIG SET are replaced, as
 * Redis does. */
#include "server/slow_command.h"

#include <string.h>

#include "server/args.h"
#include "server/conn.h"
#include "server/latency.h"
#include "server/slowlog.h"
#include "server/stats.h"
#include "server/worker.h"

static const char redacted[] = "(redacted)";

static bool name_is(const struct cmd_ctx *c, const char *name)
{
    return strcmp(c->cmd->name, name) == 0;
}

static void redact(struct arg *argv, int from, int to)
{
    for (int i = from; i < to; i++)
        argv[i] = (struct arg){.p = redacted, .len = sizeof redacted - 1};
}

/* Replaces what is secret in the first n arguments. */
static void redact_secrets(const struct cmd_ctx *c, struct arg *argv, int n)
{
    if (name_is(c, "auth")) {
        redact(argv, 1, n);
    } else if (name_is(c, "hello")) {
        for (int i = 2; i < n; i++) {
            if (arg_is(&argv[i], "auth")) {
                redact(argv, i + 1, i + 3 < n ? i + 3 : n);
                i += 2;
            }
        }
    } else if (name_is(c, "acl|setuser")) {
        redact(argv, 2, n);
    } else if (name_is(c, "config|set")) {
        for (int i = 2; i + 1 < n; i += 2) {
            if (arg_is(&argv[i], "requirepass"))
                redact(argv, i + 1, i + 2);
        }
    }
}

static void add_to_slowlog(const struct cmd_ctx *c, uint64_t ns)
{
    char peer[CONN_ADDR_CHARS];
    struct arg argv[SLOWLOG_ARGS_MAX];
    int n = c->argc < SLOWLOG_ARGS_MAX ? c->argc : SLOWLOG_ARGS_MAX;
    memcpy(argv, c->argv, (size_t)n * sizeof *argv);
    redact_secrets(c, argv, n);
    conn_addr_text(c->conn, &c->conn->peer, peer, sizeof peer);
    const char *name = c->conn->name;
    slowlog_add(c->srv->slowlog, c->wkr->now_ms / 1000, ns / 1000, argv, c->argc, peer, name != NULL ? name : "",
                (size_t)OPT(c->srv->opt, slowlog_max_len));
}

void slow_command(const struct cmd_ctx *c, uint64_t ns)
{
    int64_t usec = OPT(c->srv->opt, slowlog_log_slower_than);
    int64_t target_us = OPT(c->srv->opt, active_defrag_latency_target);
    if (target_us > 0 && ns / 1000 >= (uint64_t)target_us)
        stats_add(c->wkr->stats, STATS_LATE, 1);
    if (usec >= 0 && ns / 1000 >= (uint64_t)usec && !(c->cmd->flags & CMD_SKIP_SLOWLOG))
        add_to_slowlog(c, ns);
    latency_event(c->srv, c->cmd->flags & CMD_FAST ? "fast-command" : "command", ns / 1000000);
}
