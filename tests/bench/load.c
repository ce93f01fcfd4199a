/*
 * bench-load: the load generator. One thread that drives one or several servers, in turn, to their limit.
 *
 * All requests are encoded before the clock starts (stream.c), so that a turn of the loop is a receive, a look at the
 * replies and a send. With several --target the servers take turns within every round, each for --seconds, and so meet
 * the same weather on a shared machine: compare them round by round. CPU time is the server's own, from the kernel.
 *
 * --fill and --delete go over all keys once, in windows of --ring operations (the clock stands while one is built).
 * The result is one line of JSON: for each target its rounds, the percentiles over all of them, and what was wrong.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/bench/load_options.h"
#include "tests/bench/process.h"
#include "tests/bench/target.h"

enum { PROTOCOLS = 3, MAX_WINDOWS = 600 };

struct measured {
    struct bench_target target;
    struct bench_result *rounds;
    int round_count;
    struct bench_window *windows;
    uint32_t window_count;
    uint64_t stored_bytes; /* fill, delete: keys and values that are stored afterwards */
};

struct load {
    struct load_options options;
    char *pattern;
    struct measured measured[LOAD_MAX_TARGETS];
    struct bench_stream streams[PROTOCOLS];
    bool built[PROTOCOLS];
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "bench-load: out of memory\n");
        exit(1);
    }
    return memory;
}

/* Builds the streams of the protocols in use. */
static void build_streams(struct load *l, uint64_t start)
{
    for (int i = 0; i < l->options.target_count; i++) {
        enum bench_protocol protocol = l->options.targets[i].protocol;
        if (l->built[protocol]) {
            continue;
        }
        struct bench_plan plan = l->options.plan;
        plan.protocol = protocol;
        plan.start = start;
        if (!bench_stream_build(&l->streams[protocol], &plan, l->pattern)) {
            must(NULL);
        }
        l->built[protocol] = true;
    }
}

static void free_streams(struct load *l)
{
    for (int i = 0; i < PROTOCOLS; i++) {
        if (l->built[i]) {
            bench_stream_free(&l->streams[i]);
            l->built[i] = false;
        }
    }
}

static void add_result(struct bench_result *sum, const struct bench_result *r)
{
    sum->operations += r->operations;
    sum->elapsed_ns += r->elapsed_ns;
    sum->cpu_ns += r->cpu_ns;
    sum->busiest_ns += r->busiest_ns;
    sum->late += r->late;
    bench_histogram_merge(&sum->reads, &r->reads);
    bench_histogram_merge(&sum->writes, &r->writes);
}

/* Fill or delete: one pass over the keys, all targets a window each in turn. */
static void run_pass(struct load *l)
{
    struct bench_result *result = must(malloc(sizeof *result));
    for (int i = 0; i < l->options.target_count; i++) {
        bench_target_connect(&l->measured[i].target, l->options.conns);
        l->measured[i].round_count = 1;
    }
    uint64_t position = 0;
    while (position < l->options.plan.keys) {
        build_streams(l, position);
        for (int i = 0; i < l->options.target_count; i++) {
            struct bench_target *t = &l->measured[i].target;
            t->stream = &l->streams[t->protocol];
            t->cursor = 0;
            memset(result, 0, sizeof *result);
            if (t->stream->batches > 0) {
                bench_run_closed(t, 0, result);
            }
            add_result(&l->measured[i].rounds[0], result);
            l->measured[i].stored_bytes += t->stream->stored_bytes;
        }
        position = l->streams[l->options.targets[0].protocol].next;
        free_streams(l);
    }
    for (int i = 0; i < l->options.target_count; i++) {
        bench_target_disconnect(&l->measured[i].target);
    }
    free(result);
}

static void run_round(struct load *l, struct measured *m, struct bench_result *scratch)
{
    const struct load_options *o = &l->options;
    struct bench_target *t = &m->target;
    t->stream = &l->streams[t->protocol];
    bench_target_connect(t, o->conns);
    if (o->warm > 0) {
        memset(scratch, 0, sizeof *scratch);
        bench_run_closed(t, o->warm, scratch);
    }
    struct bench_result *result = &m->rounds[m->round_count++];
    if (o->rate > 0) {
        bench_run_open(t, o->seconds, o->rate, result, m->windows, m->window_count, (uint64_t)(o->window * 1e9));
    } else {
        bench_run_closed(t, o->seconds, result);
    }
    bench_target_disconnect(t);
}

static void run_mix(struct load *l)
{
    struct bench_result *scratch = must(malloc(sizeof *scratch));
    build_streams(l, 0);
    for (int round = 0; round < l->options.rounds; round++) {
        for (int i = 0; i < l->options.target_count; i++) {
            run_round(l, &l->measured[i], scratch);
        }
    }
    free_streams(l);
    free(scratch);
}

static double us(uint64_t ns)
{
    return (double)ns / 1000.0;
}

static void print_percentiles(const char *name, const struct bench_histogram *h)
{
    printf(",\"%s\":{\"count\":%lu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f}", name,
           (unsigned long)h->count, us(bench_histogram_percentile(h, 0.5)), us(bench_histogram_percentile(h, 0.99)),
           us(bench_histogram_percentile(h, 0.999)), us(h->max_ns));
}

static void print_round(const struct bench_result *r)
{
    double seconds = (double)r->elapsed_ns / 1e9;
    double operations = r->operations > 0 ? (double)r->operations : 1;
    printf("{\"operations\":%lu,\"seconds\":%.4f,\"ops_per_second\":%.0f,\"cpu_us_per_op\":%.5f,\"cpu_share\":%.3f,"
           "\"busiest_share\":%.3f,\"late\":%lu",
           (unsigned long)r->operations, seconds, (double)r->operations / seconds, us(r->cpu_ns) / operations,
           (double)r->cpu_ns / (double)r->elapsed_ns, (double)r->busiest_ns / (double)r->elapsed_ns,
           (unsigned long)r->late);
    print_percentiles("reads", &r->reads);
    print_percentiles("writes", &r->writes);
    printf("}");
}

static void print_target(const struct measured *m)
{
    struct bench_result *sum = must(calloc(1, sizeof *sum));
    const struct bench_target *t = &m->target;
    printf("{\"name\":\"%s\",\"rounds\":[", t->name);
    for (int i = 0; i < m->round_count; i++) {
        printf("%s", i > 0 ? "," : "");
        print_round(&m->rounds[i]);
        add_result(sum, &m->rounds[i]);
    }
    printf("],\"windows\":[");
    for (uint32_t i = 0; i < m->window_count; i++) {
        const struct bench_histogram *h = &m->windows[i].reads;
        printf("%s{\"count\":%lu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"stolen_ms\":%.0f}",
               i > 0 ? "," : "", (unsigned long)h->count, us(bench_histogram_percentile(h, 0.5)),
               us(bench_histogram_percentile(h, 0.99)), us(bench_histogram_percentile(h, 0.999)), us(h->max_ns),
               us(m->windows[i].stolen_ns) / 1e3);
    }
    printf("]");
    print_percentiles("reads", &sum->reads);
    print_percentiles("writes", &sum->writes);
    printf(",\"stored_bytes\":%lu", (unsigned long)m->stored_bytes);
    printf(",\"hits\":%lu,\"misses\":%lu,\"errors\":%lu,\"first_error\":\"%s\",\"rss\":%lu,\"peak_rss\":%lu}",
           (unsigned long)t->tally.hits, (unsigned long)t->tally.misses, (unsigned long)t->tally.errors,
           t->tally.first_error, (unsigned long)process_rss(t->pid), (unsigned long)process_peak_rss(t->pid));
    free(sum);
}

static void set_up(struct load *l)
{
    const struct load_options *o = &l->options;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (o->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)o->cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
        /* Where it is allowed: what else runs on this processor would be counted as the server's latency. */
        setpriority(PRIO_PROCESS, 0, -20);
    }
    l->pattern = must(bench_pattern(bench_size_max(&o->plan.sizes)));
    for (int i = 0; i < o->target_count; i++) {
        struct measured *m = &l->measured[i];
        memcpy(m->target.name, o->targets[i].name, sizeof m->target.name);
        m->target.protocol = o->targets[i].protocol;
        m->target.port = o->targets[i].port;
        m->target.pid = o->targets[i].pid;
        m->target.pattern = o->verify ? l->pattern : NULL;
        m->rounds = must(calloc((size_t)o->rounds + 1, sizeof *m->rounds));
        if (o->window > 0 && o->rate > 0) {
            uint32_t count = (uint32_t)(o->seconds / o->window + 0.999);
            m->window_count = count < MAX_WINDOWS ? count : MAX_WINDOWS;
            m->windows = must(calloc(m->window_count, sizeof *m->windows));
        }
    }
}

int main(int argc, char **argv)
{
    struct load *l = must(calloc(1, sizeof *l));
    load_options_parse(&l->options, argc, argv);
    set_up(l);
    if (l->options.plan.kind == PLAN_MIX) {
        run_mix(l);
    } else {
        run_pass(l);
    }
    printf("{\"targets\":[");
    for (int i = 0; i < l->options.target_count; i++) {
        printf("%s", i > 0 ? "," : "");
        print_target(&l->measured[i]);
        free(l->measured[i].rounds);
        free(l->measured[i].windows);
    }
    printf("]}\n");
    free(l->pattern);
    free(l);
    return 0;
}
