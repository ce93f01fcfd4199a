/* MEMORY DEFRAG: active defragmentation by hand, and how far it is. */
#include "server/args.h"
#include "server/defrag_run.h"
#include "server/handlers.h"
#include "server/server.h"

static void pair(struct cmd_ctx *c, const char *name, uint64_t v)
{
    reply_cstr(c->out, name);
    reply_int(c->out, (int64_t)v);
}

static void write_status(struct cmd_ctx *c)
{
    struct defrag_report r;
    defrag_run_report(c->srv, &r);
    reply_map(c->out, 12);
    reply_cstr(c->out, "state");
    reply_cstr(c->out, r.running ? "running" : "idle");
    reply_cstr(c->out, "why");
    reply_cstr(c->out, policy_why_name(r.why));
    pair(c, "effort-per-mille", r.effort);
    pair(c, "latency-guard-per-mille", r.guard);
    pair(c, "scattered-bytes", r.scattered);
    pair(c, "progress-percent", r.progress);
    pair(c, "run-ms", r.ms);
    pair(c, "run-pages-won", r.pages);
    pair(c, "run-bytes-moved", r.bytes);
    pair(c, "run-cpu-ms", r.cpu_ms);
    pair(c, "runs", r.runs);
    pair(c, "total-ms", r.total_ms);
}

enum cmd_status cmd_memory_defrag(struct cmd_ctx *c)
{
    const struct arg *what = &c->argv[2];
    if (c->argc == 2 || (c->argc == 3 && arg_is(what, "status"))) {
        write_status(c);
        return CMD_DONE;
    }
    bool start = arg_is(what, "start");
    if (c->argc > 3 || (!start && !arg_is(what, "stop"))) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    defrag_run_ask(c->srv, start ? DEFRAG_START : DEFRAG_STOP);
    reply_ok(c->out);
    return CMD_DONE;
}
