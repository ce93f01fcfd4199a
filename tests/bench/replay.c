/*
 * bench-replay: loads in which the next request depends on the last replies or on what is stored.
 *
 *   aside   A cache in front of something slow: GET, and on a miss SET. Three request streams over --keys keys,
 *           Zipf 0.99:
 *           zipf   sizes lognormal, median 150 B
 *           scan   the same, but a quarter of the requests walk once over keys that nobody asks for again
 *           shift  sizes of about 100 B; half-way all keys are new and their sizes about 500 B
 *           The miss ratio is held against an ideal LRU of --ideal bytes that is fed the same stream.
 *
 *   churn   One of the workloads W1-W8 of table 1 in S. Rumble, A. Kejriwal, J. Ousterhout, "Log-structured Memory for
 *           DRAM-based Storage", FAST'14: write --times the live size in objects of one size distribution, deleting at
 *           random to keep --live bytes; delete a share at random; the same with a second distribution. Then wait.
 *           Resident memory is held against the live bytes of keys and values.
 *
 * The result is one line of JSON. RSS is sampled every 10 ms between batches, besides the kernel's high-water mark.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/process.h"
#include "tests/bench/replay_client.h"
#include "tests/bench/replay_lru.h"

enum { SAMPLE_NS = 10000000, LONGEST = 65536, SERIES_MAX = 4096, ASIDE_BATCH = 64 };

struct object {
    uint64_t id;
    uint32_t size;
};

struct workload {
    const char *name;
    const char *before;
    uint32_t delete_percent;
    const char *after; /* NULL: no second phase */
};

static const struct workload workloads[] = {
    {"W1", "100", 0, NULL},
    {"W2", "100", 0, "130"},
    {"W3", "100", 90, "130"},
    {"W4", "100-150", 0, "200-250"},
    {"W5", "100-150", 90, "200-250"},
    {"W6", "100-200", 50, "1000-2000"},
    {"W7", "1000-2000", 90, "1500-2500"},
    {"W8", "50-150", 90, "5000-15000"},
};

struct options {
    char mode[16];
    char which[16];
    enum bench_protocol protocol;
    int port;
    int pid;
    int cpu;
    uint64_t keys;
    uint64_t requests;
    uint64_t ideal_bytes;
    uint64_t live_bytes;
    double times;
    double rest_seconds;
    uint32_t batch;
    uint64_t seed;
    bool check;
};

struct replay {
    struct options o;
    char *pattern;
    struct replay_client client;
    struct bench_random random;
    uint64_t started_ns;
    uint64_t sampled_ns;
    uint64_t peak_rss;     /* of the samples */
    uint64_t cpu_ns;       /* before */
    uint64_t cpu_after_ns; /* at the end of the load */
    uint64_t operations;
    uint64_t series[SERIES_MAX]; /* RSS, once in 100 samples */
    uint32_t series_count;
    uint32_t samples;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "bench-replay: out of memory\n");
        exit(1);
    }
    return memory;
}

static void sample(struct replay *r)
{
    uint64_t now = bench_now();
    if (now - r->sampled_ns < SAMPLE_NS) {
        return;
    }
    r->sampled_ns = now;
    uint64_t rss = process_rss(r->o.pid);
    r->peak_rss = rss > r->peak_rss ? rss : r->peak_rss;
    if (r->samples++ % 100 == 0 && r->series_count < SERIES_MAX) {
        r->series[r->series_count++] = rss;
    }
}

static void run_batch(struct replay *r)
{
    r->operations += r->client.count;
    replay_run(&r->client);
    sample(r);
}

static void begin(struct replay *r)
{
    r->started_ns = bench_now();
    r->cpu_ns = process_cpu(r->o.pid).total_ns;
}

static void print_end(struct replay *r)
{
    const struct bench_tally *t = &r->client.tally;
    printf("\"operations\":%lu,\"cpu_us_per_op\":%.4f,\"rss\":%lu,\"peak_rss\":%lu,\"high_water\":%lu,\"errors\":%lu,"
           "\"first_error\":\"%s\",\"series\":[",
           (unsigned long)r->operations,
           (double)(r->cpu_after_ns - r->cpu_ns) / 1000.0 / (double)(r->operations > 0 ? r->operations : 1),
           (unsigned long)process_rss(r->o.pid), (unsigned long)r->peak_rss, (unsigned long)process_peak_rss(r->o.pid),
           (unsigned long)t->errors, t->first_error);
    for (uint32_t i = 0; i < r->series_count; i++) {
        printf("%s%lu", i > 0 ? "," : "", (unsigned long)r->series[i]);
    }
    printf("]}\n");
}

/* ---- cache aside ------------------------------------------------------------------------------------------------- */

struct aside {
    enum { STREAM_ZIPF, STREAM_SCAN, STREAM_SHIFT } stream;
    struct bench_zipf zipf;
    struct bench_sizes sizes;
    struct bench_sizes sizes_later;
    uint64_t next_scanned;
    uint64_t asked;
};

/* The next request: which key, and the size its value has. */
static struct object next_request(struct replay *r, struct aside *a)
{
    uint64_t at = a->asked++;
    if (a->stream == STREAM_SCAN && bench_random_next(&r->random) >> 62 == 0) {
        uint64_t id = a->next_scanned++;
        return (struct object){id, bench_size(&a->sizes, bench_mix(id))};
    }
    uint64_t id = bench_permute(bench_zipf_next(&a->zipf, &r->random), r->o.keys);
    bool later = a->stream == STREAM_SHIFT && at >= r->o.requests / 2;
    id += later ? r->o.keys : 0;
    return (struct object){id, bench_size(later ? &a->sizes_later : &a->sizes, bench_mix(id))};
}

static void aside_set_up(struct replay *r, struct aside *a)
{
    memset(a, 0, sizeof *a);
    bench_zipf_init(&a->zipf, r->o.keys, 0.99);
    a->next_scanned = r->o.keys;
    bench_sizes_parse(&a->sizes, "lognormal:150:0.72");
    if (strcmp(r->o.which, "scan") == 0) {
        a->stream = STREAM_SCAN;
    } else if (strcmp(r->o.which, "shift") == 0) {
        a->stream = STREAM_SHIFT;
        bench_sizes_parse(&a->sizes, "80-120");
        bench_sizes_parse(&a->sizes_later, "400-600");
    } else if (strcmp(r->o.which, "zipf") != 0) {
        fprintf(stderr, "bench-replay: no stream %s\n", r->o.which);
        exit(2);
    }
}

static double ideal_miss_ratio(struct replay *r)
{
    struct aside a;
    aside_set_up(r, &a);
    bench_random_seed(&r->random, r->o.seed);
    struct replay_lru *lru = must(replay_lru_new(r->o.keys + r->o.requests, r->o.ideal_bytes));
    uint64_t misses = 0;
    for (uint64_t i = 0; i < r->o.requests; i++) {
        struct object request = next_request(r, &a);
        misses += !replay_lru_ask(lru, request.id, request.size + BENCH_KEY_BYTES);
    }
    replay_lru_free(lru);
    return (double)misses / (double)r->o.requests;
}

static void run_aside(struct replay *r)
{
    struct aside a;
    double ideal = r->o.ideal_bytes > 0 ? ideal_miss_ratio(r) : 0;
    aside_set_up(r, &a);
    bench_random_seed(&r->random, r->o.seed);
    begin(r);
    while (a.asked < r->o.requests) {
        struct object batch[ASIDE_BATCH];
        uint32_t n = 0;
        for (; n < ASIDE_BATCH && a.asked < r->o.requests; n++) {
            batch[n] = next_request(r, &a);
            replay_get(&r->client, batch[n].id, batch[n].size);
        }
        run_batch(r);
        for (uint32_t i = 0; i < n; i++) {
            if (!r->client.found[i]) {
                replay_set(&r->client, batch[i].id, batch[i].size);
            }
        }
        if (r->client.count > 0) {
            run_batch(r);
        }
    }
    r->cpu_after_ns = process_cpu(r->o.pid).total_ns;
    printf("{\"stream\":\"%s\",\"requests\":%lu,\"misses\":%lu,\"miss_ratio\":%.5f,\"ideal\":%.5f,\"seconds\":%.2f,",
           r->o.which, (unsigned long)r->o.requests, (unsigned long)r->client.tally.misses,
           (double)r->client.tally.misses / (double)r->o.requests, ideal, (double)(bench_now() - r->started_ns) / 1e9);
    print_end(r);
}

/* ---- churn ------------------------------------------------------------------------------------------------------- */

struct churn {
    struct object *live;
    uint64_t count;
    uint64_t room;
    uint64_t live_bytes;
    uint64_t next_id;
};

static void queue_room(struct replay *r)
{
    if (r->client.count >= r->o.batch) {
        run_batch(r);
    }
}

static void delete_one(struct replay *r, struct churn *c)
{
    uint64_t i = bench_random_next(&r->random) % c->count;
    queue_room(r);
    replay_delete(&r->client, c->live[i].id);
    c->live_bytes -= c->live[i].size + BENCH_KEY_BYTES;
    c->live[i] = c->live[--c->count];
}

/* Deletes come first, so that live bytes never exceed the limit. */
static void store_one(struct replay *r, struct churn *c, const struct bench_sizes *sizes)
{
    uint32_t size = bench_size(sizes, bench_random_next(&r->random));
    while (c->live_bytes + size + BENCH_KEY_BYTES > r->o.live_bytes) {
        delete_one(r, c);
    }
    if (c->count == c->room) {
        c->room = c->room == 0 ? 1 << 20 : c->room * 2;
        c->live = must(realloc(c->live, c->room * sizeof *c->live));
    }
    queue_room(r);
    struct object o = {c->next_id++, size};
    c->live[c->count++] = o;
    c->live_bytes += size + BENCH_KEY_BYTES;
    replay_set(&r->client, o.id, size);
}

static void write_phase(struct replay *r, struct churn *c, const char *law)
{
    struct bench_sizes sizes;
    bench_sizes_parse(&sizes, law);
    uint64_t written = 0;
    uint64_t total = (uint64_t)((double)r->o.live_bytes * r->o.times);
    while (written < total) {
        store_one(r, c, &sizes);
        written += c->live[c->count - 1].size + BENCH_KEY_BYTES;
    }
    run_batch(r);
}

/* Asks for everything that must be stored. How much is not. */
static uint64_t count_lost(struct replay *r, const struct churn *c)
{
    r->client.verify = true;
    uint64_t before = r->client.tally.misses;
    for (uint64_t i = 0; i < c->count; i++) {
        queue_room(r);
        replay_get(&r->client, c->live[i].id, c->live[i].size);
    }
    run_batch(r);
    return r->client.tally.misses - before;
}

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return &workloads[i];
        }
    }
    fprintf(stderr, "bench-replay: no workload %s\n", name);
    exit(2);
}

static void rest(struct replay *r)
{
    uint64_t until = bench_now() + (uint64_t)(r->o.rest_seconds * 1e9);
    while (bench_now() < until) {
        usleep(SAMPLE_NS / 1000);
        sample(r);
    }
}

static void run_churn(struct replay *r)
{
    const struct workload *w = find_workload(r->o.which);
    struct churn c = {0};
    begin(r);
    write_phase(r, &c, w->before);
    if (w->after != NULL) {
        for (uint64_t doomed = c.count * w->delete_percent / 100; doomed > 0; doomed--) {
            delete_one(r, &c);
        }
        write_phase(r, &c, w->after);
    }
    double seconds = (double)(bench_now() - r->started_ns) / 1e9;
    r->cpu_after_ns = process_cpu(r->o.pid).total_ns;
    uint64_t rss_at_end = process_rss(r->o.pid);
    uint64_t high_water = process_peak_rss(r->o.pid);
    uint64_t operations = r->operations;
    rest(r);
    uint64_t rss_rested = process_rss(r->o.pid);
    uint64_t lost = r->o.check ? count_lost(r, &c) : 0;
    r->operations = operations;
    printf("{\"workload\":\"%s\",\"live_bytes\":%lu,\"items\":%lu,\"seconds\":%.2f,\"rss_at_end\":%lu,"
           "\"rss_rested\":%lu,\"load_high_water\":%lu,\"lost\":%lu,",
           w->name, (unsigned long)c.live_bytes, (unsigned long)c.count, seconds, (unsigned long)rss_at_end,
           (unsigned long)rss_rested, (unsigned long)high_water, (unsigned long)lost);
    print_end(r);
    free(c.live);
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: bench-replay aside|churn --which zipf|scan|shift|W1..W8 --port N --pid N [--protocol resp|meta] [--cpu N]\n"
    "  aside: --keys N  --requests N  --ideal BYTES    churn: --live BYTES  --times X  --rest SECONDS  --check 1\n"
    "  --batch N  --seed N\n";

static bool parse_option(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {{"--keys", &o->keys},
                   {"--requests", &o->requests},
                   {"--ideal", &o->ideal_bytes},
                   {"--live", &o->live_bytes},
                   {"--seed", &o->seed}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].number = strtoull(value, NULL, 10);
            return true;
        }
    }
    if (strcmp(name, "--which") == 0) {
        snprintf(o->which, sizeof o->which, "%s", value);
    } else if (strcmp(name, "--port") == 0) {
        o->port = atoi(value);
    } else if (strcmp(name, "--pid") == 0) {
        o->pid = atoi(value);
    } else if (strcmp(name, "--cpu") == 0) {
        o->cpu = atoi(value);
    } else if (strcmp(name, "--protocol") == 0) {
        o->protocol = strcmp(value, "meta") == 0 ? PROTOCOL_META : PROTOCOL_RESP;
    } else if (strcmp(name, "--times") == 0) {
        o->times = strtod(value, NULL);
    } else if (strcmp(name, "--rest") == 0) {
        o->rest_seconds = strtod(value, NULL);
    } else if (strcmp(name, "--batch") == 0) {
        o->batch = (uint32_t)atoi(value);
    } else if (strcmp(name, "--check") == 0) {
        o->check = atoi(value) != 0;
    } else {
        return false;
    }
    return true;
}

static void parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.cpu = -1,
                          .keys = 4000000,
                          .requests = 10000000,
                          .live_bytes = 100000000,
                          .times = 5,
                          .rest_seconds = 10,
                          .batch = 2048,
                          .seed = 1};
    snprintf(o->mode, sizeof o->mode, "%s", argc > 1 ? argv[1] : "");
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!parse_option(o, argv[i], argv[i + 1])) {
            fprintf(stderr, "bench-replay: bad %s\n%s", argv[i], usage);
            exit(2);
        }
    }
    bool known = strcmp(o->mode, "aside") == 0 || strcmp(o->mode, "churn") == 0;
    if (!known || o->port == 0 || o->pid == 0 || o->batch == 0 || o->batch > REPLAY_BATCH_MAX || argc % 2 != 0) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct replay *r = must(calloc(1, sizeof *r));
    parse(&r->o, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    if (r->o.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)r->o.cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    r->pattern = must(bench_pattern(LONGEST));
    bench_random_seed(&r->random, r->o.seed);
    replay_connect(&r->client, r->o.protocol, r->o.port, r->pattern);
    if (strcmp(r->o.mode, "aside") == 0) {
        run_aside(r);
    } else {
        run_churn(r);
    }
    replay_close(&r->client);
    free(r->pattern);
    free(r);
    return 0;
}
