/* MEMORY: what a key takes, what the server takes, what is wrong with that, and giving back what is free. */
#ifndef FLAGSTONE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif
#include <stdio.h>

#include "server/args.h"
#include "server/clients.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/memory_report.h"
#include "server/options.h"
#include "server/purge.h"
#include "server/server.h"
#include "server/text.h"

enum cmd_status cmd_memory_usage(struct cmd_ctx *c)
{
    struct entry e;
    int64_t samples;
    for (int i = 3; i < c->argc; i += 2) {
        if (!arg_is(&c->argv[i], "samples") || i + 1 == c->argc) {
            reply_syntax_error(c);
            return CMD_DONE;
        }
        if (!arg_int(c, &c->argv[i + 1], NULL, &samples))
            return CMD_DONE;
        if (samples < 0) {
            reply_syntax_error(c);
            return CMD_DONE;
        }
    }
    if (store_find(c->sx, &c->keys[0], &e))
        reply_int(c->out, (int64_t)store_entry_bytes(c->sx, &e));
    else
        reply_null(c->out);
    return CMD_DONE;
}

/* ---- MEMORY STATS: a map; `n` counts its pairs ------------------------------------------------------------------- */

struct pairs {
    struct reply *out;
    size_t n;
};

static void pair_int(struct pairs *p, const char *name, int64_t v)
{
    reply_cstr(p->out, name);
    reply_int(p->out, v);
    p->n++;
}

static void pair_size(struct pairs *p, const char *name, size_t v)
{
    pair_int(p, name, (int64_t)v);
}

static void pair_double(struct pairs *p, const char *name, double v)
{
    reply_cstr(p->out, name);
    reply_double(p->out, v);
    p->n++;
}

static void stats_clients(struct cmd_ctx *c, struct pairs *p, const struct memory_report *r)
{
    struct clients_totals t;
    clients_totals(c->srv, &t);
    pair_size(p, "peak.allocated", r->m.peak_used);
    pair_size(p, "total.allocated", r->m.used);
    pair_size(p, "startup.allocated", r->m.startup);
    pair_int(p, "replication.backlog", 0);
    pair_int(p, "clients.slaves", 0);
    pair_size(p, "clients.normal", t.memory_normal);
    pair_int(p, "cluster.links", 0);
    pair_int(p, "aof.buffer", 0);
    pair_int(p, "lua.caches", 0);
    pair_int(p, "functions.caches", 0);
}

/* One index serves all databases; each is shown the share that its keys have in it. */
static void stats_databases(struct cmd_ctx *c, struct pairs *p, const struct memory_report *r)
{
    int n = (int)OPT(c->srv->opt, databases);
    for (int logical = 0; logical < n; logical++) {
        char name[32];
        int64_t keys = store_db_keys(c->srv->store, store_db(c->srv->store, logical));
        if (keys <= 0)
            continue;
        snprintf(name, sizeof name, "db.%d", logical);
        reply_cstr(c->out, name);
        struct pairs db = {.out = c->out};
        reply_map(c->out, 3);
        double share = r->m.keys > 0 ? (double)keys / (double)r->m.keys : 0;
        pair_int(&db, "overhead.hashtable.main", (int64_t)((double)r->m.index * (share < 1 ? share : 1)));
        pair_int(&db, "overhead.hashtable.expires", 0);
        pair_int(&db, "overhead.hashtable.slot-to-keys", 0);
        p->n++;
    }
}

static void stats_sizes(struct pairs *p, const struct memory_report *r)
{
    size_t since_start = r->m.used > r->m.startup ? r->m.used - r->m.startup : 0;
    pair_size(p, "overhead.total", r->overhead);
    pair_int(p, "keys.count", (int64_t)r->m.keys);
    pair_int(p, "keys.bytes-per-key", r->m.keys > 0 ? (int64_t)(since_start / r->m.keys) : 0);
    pair_size(p, "dataset.bytes", r->m.dataset);
    pair_double(p, "dataset.percentage", r->dataset_perc);
    pair_double(p, "peak.percentage", r->peak_perc);
    pair_size(p, "allocator.allocated", r->allocated);
    pair_size(p, "allocator.active", r->active);
    pair_size(p, "allocator.resident", r->resident);
    pair_double(p, "allocator-fragmentation.ratio", r->frag_ratio);
    pair_int(p, "allocator-fragmentation.bytes", r->frag_bytes);
    pair_double(p, "allocator-rss.ratio", r->rss_ratio);
    pair_int(p, "allocator-rss.bytes", r->rss_bytes);
    pair_double(p, "rss-overhead.ratio", r->overhead_ratio);
    pair_int(p, "rss-overhead.bytes", r->overhead_bytes);
    pair_double(p, "fragmentation", r->fragmentation_ratio);
    pair_int(p, "fragmentation.bytes", r->fragmentation_bytes);
}

/* Flagstone's own accounting. */
static void stats_parts(struct pairs *p, const struct memory_parts *m)
{
    pair_size(p, "accounted.total", m->total);
    pair_size(p, "accounted.pages", m->pages);
    pair_size(p, "accounted.tables", m->tables);
    pair_size(p, "accounted.jemalloc", m->jemalloc);
    pair_size(p, "accounted.stacks", m->stacks);
    pair_size(p, "accounted.base", m->base);
    pair_size(p, "rss", m->rss);
    pair_size(p, "rss.peak", m->peak_rss);
    pair_size(p, "pages.free-bytes", m->page_free);
    pair_size(p, "pages.reserve-bytes", m->reserve);
    pair_size(p, "chunks.waste-bytes", m->waste);
    pair_size(p, "index.bytes", m->index);
}

enum cmd_status cmd_memory_stats(struct cmd_ctx *c)
{
    struct memory_report r;
    struct pairs p = {.out = c->out};
    memory_report(c->srv, &r);
    reply_mark mark = reply_defer(c->out);
    stats_clients(c, &p, &r);
    stats_databases(c, &p, &r);
    stats_sizes(&p, &r);
    stats_parts(&p, &r.m);
    reply_defer_map(c->out, mark, p.n);
    return CMD_DONE;
}

/* ------------------------------------------------------------------------------------------------------------------ */

enum cmd_status cmd_memory_doctor(struct cmd_ctx *c)
{
    struct memory_report r;
    struct memory_facts f;
    struct text t = {0};
    memory_report(c->srv, &r);
    memory_facts(c->srv, &f);
    memory_diagnose(&t, &r, &f);
    text_reply(&t, c->out);
    return CMD_DONE;
}

#ifdef FLAGSTONE_NO_JEMALLOC

enum cmd_status cmd_memory_malloc_stats(struct cmd_ctx *c)
{
    struct text t = {0};
    text_puts(&t,
              "Stats not supported: this server was built without jemalloc. INFO memory and INFO slabs have what is "
              "known of the memory of stored data.\n");
    text_reply(&t, c->out);
    return CMD_DONE;
}

#else

static void add_piece(void *t, const char *s)
{
    text_puts(t, s);
}

enum cmd_status cmd_memory_malloc_stats(struct cmd_ctx *c)
{
    struct text t = {0};
    uint64_t epoch = 1;
    mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
    malloc_stats_print(add_piece, &t, NULL);
    text_reply(&t, c->out);
    return CMD_DONE;
}

#endif

enum cmd_status cmd_memory_purge(struct cmd_ctx *c)
{
    if (c->argc > 3 || (c->argc == 3 && !arg_is(&c->argv[2], "verbose"))) {
        reply_arity_error(c);
    } else if (c->argc == 2) {
        purge_ask(c->srv);
        reply_ok(c->out);
    } else if (c->in_exec) {
        reply_error(c->out, "ERR MEMORY PURGE VERBOSE is answered at its end, EXEC at once: use MEMORY PURGE");
    } else {
        purge_wait(c->conn, purge_ask(c->srv));
    }
    return CMD_DONE;
}

enum cmd_status cmd_memory_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "DEFRAG [STATUS|START|STOP]",
        "    Return what active defragmentation does; begin it at full effort; stop it",
        "    until the next START.",
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "MAP",
        "    Return the pages of stored data as a picture in text.",
        "PURGE [VERBOSE]",
        "    Attempt to purge dirty pages for reclamation by the allocator. With VERBOSE,",
        "    wait for its end and return what was moved, released and left.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
