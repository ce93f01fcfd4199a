/* LATENCY: the monitor's series as clients ask for them (latency.c keeps them, latency_report.c draws and explains
 * them), and the histograms that the statistics keep of every command. */
#include <stdio.h>
#include <string.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/latency.h"
#include "server/latency_report.h"
#include "server/options.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/text.h"

enum { EVENT_SHOWN_MAX = 1024 }; /* of an unknown event's name, bytes */

enum cmd_status cmd_latency_latest(struct cmd_ctx *c)
{
    struct latency_series s;
    size_t n = 0;
    reply_mark mark = reply_defer(c->out);
    while (latency_at(c->srv->latency, (unsigned)n, &s)) {
        const struct latency_sample *last = &s.sample[s.n - 1];
        reply_array(c->out, 4);
        reply_cstr(c->out, s.name);
        reply_int(c->out, last->unix_s);
        reply_int(c->out, last->ms);
        reply_int(c->out, s.max_ms);
        n++;
    }
    reply_defer_array(c->out, mark, n);
    return CMD_DONE;
}

static bool series_of(struct cmd_ctx *c, struct latency_series *s)
{
    const struct arg *event = &c->argv[2];
    return event->p != NULL && latency_find(c->srv->latency, event->p, event->len, s);
}

enum cmd_status cmd_latency_history(struct cmd_ctx *c)
{
    struct latency_series s;
    if (!series_of(c, &s)) {
        reply_array(c->out, 0);
        return CMD_DONE;
    }
    reply_array(c->out, s.n);
    for (unsigned i = 0; i < s.n; i++) {
        reply_array(c->out, 2);
        reply_int(c->out, s.sample[i].unix_s);
        reply_int(c->out, s.sample[i].ms);
    }
    return CMD_DONE;
}

enum cmd_status cmd_latency_reset(struct cmd_ctx *c)
{
    int64_t n = 0;
    if (c->argc == 2)
        n = latency_reset_all(c->srv->latency);
    for (int i = 2; i < c->argc; i++)
        n += c->argv[i].p != NULL && latency_reset(c->srv->latency, c->argv[i].p, c->argv[i].len);
    reply_int(c->out, n);
    return CMD_DONE;
}

enum cmd_status cmd_latency_graph(struct cmd_ctx *c)
{
    struct latency_series s;
    struct text t = {0};
    if (!series_of(c, &s)) {
        const struct arg *event = &c->argv[2];
        int n = event->p == NULL ? 0 : event->len < EVENT_SHOWN_MAX ? (int)event->len : EVENT_SHOWN_MAX;
        reply_errorf(c->out, "ERR No samples available for event '%.*s'", n, n > 0 ? event->p : "");
        return CMD_DONE;
    }
    latency_graph(&t, &s, c->now_ms / 1000);
    text_reply(&t, c->out);
    return CMD_DONE;
}

static bool thp_always(void)
{
    char line[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (f == NULL)
        return false;
    bool always = fgets(line, sizeof line, f) != NULL && strstr(line, "[always]") != NULL;
    fclose(f);
    return always;
}

enum cmd_status cmd_latency_doctor(struct cmd_ctx *c)
{
    struct latency_series s;
    struct text t = {0};
    struct latency_facts facts = {.slowlog_usec = OPT(c->srv->opt, slowlog_log_slower_than)};
    unsigned n = 0;
    for (; latency_at(c->srv->latency, n, &s); n++) {
        if (n == 0)
            text_puts(&t, "Latency spikes were observed in this instance.\n\n");
        latency_describe(&t, n + 1, &s, c->now_ms / 1000, &facts);
    }
    if (n > 0) {
        facts.thp_always = !OPT(c->srv->opt, disable_thp) && thp_always();
        text_puts(&t, "\nWhat may help:\n\n");
        latency_advise(&t, &facts);
    } else if (OPT(c->srv->opt, latency_monitor_threshold) == 0) {
        text_puts(&t, "Latency monitoring is disabled in this instance. Use \"CONFIG SET latency-monitor-threshold "
                      "<milliseconds>\" to have events of at least that duration noted.\n");
    } else {
        text_puts(&t, "No latency spike was observed since the monitor was last reset.\n");
    }
    text_reply(&t, c->out);
    return CMD_DONE;
}

/* ---- LATENCY HISTOGRAM ------------------------------------------------------------------------------------------- */

static void reply_step(void *arg, uint64_t up_to_ns, uint64_t cumulative)
{
    struct reply *out = arg;
    reply_int(out, (int64_t)(up_to_ns / 1000));
    reply_int(out, (int64_t)cumulative);
}

/* Appends the command's name and its histogram; false when it has none. */
static bool reply_histogram(struct cmd_ctx *c, const struct command *cmd)
{
    struct histogram h;
    memset(&h, 0, sizeof h);
    stats_command_latency(c->srv->stats, cmd->id, &h);
    uint64_t calls = histogram_count(&h);
    if (calls > 0) {
        reply_cstr(c->out, cmd->name);
        reply_map(c->out, 2);
        reply_cstr(c->out, "calls");
        reply_int(c->out, (int64_t)calls);
        reply_cstr(c->out, "histogram_usec");
        reply_mark mark = reply_defer(c->out);
        reply_defer_map(c->out, mark, histogram_steps(&h, reply_step, c->out));
    }
    histogram_clear(&h);
    return calls > 0;
}

/* The command, or where it is a container its subcommands. Returns how many were appended. */
static size_t reply_family(struct cmd_ctx *c, const struct command *cmd)
{
    size_t n = cmd->handler != NULL && reply_histogram(c, cmd);
    for (unsigned i = 0; i < cmd->nsub; i++)
        n += reply_histogram(c, &cmd->sub[i]);
    return n;
}

enum cmd_status cmd_latency_histogram(struct cmd_ctx *c)
{
    size_t n = 0;
    reply_mark mark = reply_defer(c->out);
    if (c->argc == 2) {
        int count;
        const struct command *const *table = command_table(&count);
        for (int i = 0; i < count; i++)
            n += reply_family(c, table[i]);
    }
    for (int i = 2; i < c->argc; i++) {
        const struct arg *name = &c->argv[i];
        const struct command *cmd = name->p != NULL ? command_find_name(name->p, name->len) : NULL;
        if (cmd != NULL)
            n += reply_family(c, cmd);
    }
    reply_defer_map(c->out, mark, n);
    return CMD_DONE;
}

enum cmd_status cmd_latency_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        ("    Return a cumulative distribution of latencies in the format of a histogram for the specified command "
         "names."),
        "    If no commands are specified then all histograms are replied.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
