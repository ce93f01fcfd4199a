/* See memory.h. Each part is counted by who has it: pages by the pool, tables by the slab, stacks by mincore, the
 * program by the kernel's count of file-backed pages and what it had written of its own at the start. jemalloc's
 * statistics count buffers in whole, also where nothing was written to them yet: half of it, where clients' half-filled
 * buffers are most of a small server. So the kernel is asked what is resident of the memory that is nobody else's;
 * where that is so much that asking takes a while, statistics tell what has changed since. RSS is read only to be shown
 * beside the sum. */
#include "server/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef FLAGSTONE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "server/client_room.h"
#include "server/clients.h"
#include "server/limit.h"
#include "server/memory_state.h"
#include "server/memthread.h"
#include "server/options.h"
#include "server/reclaim.h"
#include "server/relocate.h"
#include "server/resident.h"
#include "server/server.h"
#include "server/store_open.h"
#include "server/store_private.h"
#include "server/worker.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

#ifndef FLAGSTONE_NO_JEMALLOC
/* jemalloc's own configuration (jemalloc(3), TUNING). The hot path allocates nothing, so one arena and no thread caches
 * do: each would hold memory that serves nobody. What is freed goes back to the system within a second. */
const char *malloc_conf = "narenas:1,tcache:false,dirty_decay_ms:1000,muzzy_decay_ms:0";

static size_t jemalloc_size(const char *name)
{
    size_t v = 0, n = sizeof v;
    return mallctl(name, &v, &n, NULL, 0) == 0 ? v : 0;
}

enum { ASK_REST = 100, RANGES = 6 }; /* asking the kernel again waits a hundred times as long as it took */

/* Resident bytes of anonymous memory that is neither pages and tables nor stacks: jemalloc's. `told`: as it tells. */
static size_t heap_resident(struct server *srv, const struct resident *r, size_t told)
{
    struct store *s = srv->store;
    struct memory_state *state = &s->memory;
    uint64_t now = clock_mono_ns();
    if (now >= atomic_load(&state->heap_ask_ns)) {
        const struct pool *p = &s->slab.pool;
        struct resident_span ours[RANGES + THREADS_MAX] = {
            {p->range, p->range_bytes},
            {p->free_bits.base, p->free_bits.reserved},
            {p->absent_bits.base, p->absent_bits.reserved},
            {s->slab.descriptors.base, s->slab.descriptors.reserved},
            {s->slab.class_of.base, s->slab.class_of.reserved},
            {s->shard_space.base, s->shard_space.reserved},
        };
        int n = RANGES, nstacks = atomic_load(&srv->nstacks);
        for (int i = 0; i < nstacks && i < THREADS_MAX; i++, n++) {
            ours[n].at = atomic_load(&srv->stacks[i].base); /* publishes the size */
            ours[n].n = ours[n].at == NULL ? 0 : srv->stacks[i].size;
        }
        atomic_store(&state->heap_overtold, (int64_t)told - (int64_t)resident_elsewhere(r, ours, n));
        uint64_t end = clock_mono_ns();
        atomic_store(&state->heap_ask_ns, end + (end - now) * ASK_REST);
    }
    int64_t bytes = (int64_t)told - atomic_load(&state->heap_overtold);
    return bytes > 0 ? (size_t)bytes : 0;
}

static void jemalloc_parts(struct server *srv, const struct resident *r, struct memory_parts *m)
{
    uint64_t epoch = 1;
    size_t n = sizeof epoch;
    mallctl("epoch", &epoch, &n, &epoch, n);
    m->jemalloc = heap_resident(srv, r, jemalloc_size("stats.resident"));
    m->jemalloc_allocated = jemalloc_size("stats.allocated");
    m->jemalloc_active = jemalloc_size("stats.active");
}

/* jemalloc gives back what was freed as it serves calls; where none come any more, it has to be asked. */
static void heap_decay(void)
{
    char name[40];
    snprintf(name, sizeof name, "arena.%u.decay", (unsigned)MALLCTL_ARENAS_ALL);
    mallctl(name, NULL, NULL, NULL, 0);
}

void memory_heap_trim(void)
{
    char name[40];
    snprintf(name, sizeof name, "arena.%u.purge", (unsigned)MALLCTL_ARENAS_ALL);
    mallctl(name, NULL, NULL, NULL, 0);
}
#else
/* Built for a sanitizer: its allocator is not counted, and neither is what it adds to the process. */
static void heap_decay(void)
{
}

static void jemalloc_parts(struct server *srv, const struct resident *r, struct memory_parts *m)
{
    (void)srv;
    (void)r;
    (void)m;
}

void memory_heap_trim(void)
{
}
#endif

/* Resident bytes in all, and those of them that come from files. */
static void statm(size_t *rss, size_t *file)
{
    unsigned long size = 0, resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL && fscanf(f, "%lu %lu %lu", &size, &resident, &shared) != 3)
        resident = shared = 0;
    if (f != NULL)
        fclose(f);
    *rss = resident * (size_t)sysconf(_SC_PAGESIZE);
    *file = shared * (size_t)sysconf(_SC_PAGESIZE);
}

/* The parts of the sum, and rss. */
static void measure(struct server *srv, struct memory_parts *m)
{
    struct store *s = srv->store;
    size_t file;
    int nstacks = atomic_load(&srv->nstacks);
    struct resident r = resident_begin();
    uint32_t committed, free;
    memset(m, 0, sizeof *m);
    pool_counts(&s->slab.pool, &committed, &free);
    m->n_pages_used = committed - free;
    m->n_pages_free = free;
    m->pages = (size_t)committed * PAGE_SIZE;
    m->reserve = (size_t)free * PAGE_SIZE;
    m->tables = slab_table_bytes(&s->slab) +
                resident_bytes(&r, (struct resident_span){s->shard_space.base, s->shard_space.usable});
    jemalloc_parts(srv, &r, m);
    for (int i = 0; i < nstacks; i++) {
        char *stack = atomic_load(&srv->stacks[i].base); /* publishes the size */
        m->stacks += stack == NULL ? 0 : resident_bytes(&r, (struct resident_span){stack, srv->stacks[i].size});
    }
    resident_end(&r);
    statm(&m->rss, &file);
    m->base = file + atomic_load(&s->memory.program_bytes);
    m->total = m->pages + m->tables + m->jemalloc + m->stacks + m->base;
}

/* What libevent takes for a connection, beside what the connection counts itself. */
enum { EVENTS_BYTES = 512 };

/* Bytes that jemalloc holds and nobody uses. */
static size_t heap_idle(const struct memory_parts *m)
{
    return m->jemalloc > m->jemalloc_allocated ? m->jemalloc - m->jemalloc_allocated : 0;
}

static int64_t sum_bytes(const struct store *s, size_t offset)
{
    int64_t sum = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        sum += atomic_load_explicit((_Atomic int64_t *)(void *)((char *)&x->bytes + offset), memory_order_relaxed);
    return sum > 0 ? sum : 0;
}

static void slab_parts(struct store *s, struct memory_parts *m)
{
    struct class_view v[CLASS_MAX];
    uint32_t n = reclaim_views(s, v);
    size_t chunks = (size_t)sum_bytes(s, offsetof(struct byte_counters, chunk_bytes)), free = 0;
    m->dataset = chunks;
    m->live = (size_t)sum_bytes(s, offsetof(struct byte_counters, item_bytes));
    m->index = (size_t)sum_bytes(s, offsetof(struct byte_counters, index_bytes));
    m->keys = (uint64_t)sum_bytes(s, offsetof(struct byte_counters, items));
    m->waste = chunks > m->live ? chunks - m->live : 0;
    for (uint32_t k = 0; k < n; k++) {
        free += v[k].free * v[k].chunk_size + v[k].pages * (PAGE_SIZE - (size_t)v[k].per_page * v[k].chunk_size);
        m->n_pages_draining += v[k].draining;
    }
    m->orphaned = (size_t)sum_bytes(s, offsetof(struct byte_counters, orphan_bytes));
    size_t in_use = (size_t)m->n_pages_used * PAGE_SIZE, known = chunks + m->index + m->orphaned + free;
    m->page_free = free;
    m->reserved = in_use > known ? in_use - known : 0;
}

static void raise_to(_Atomic size_t *peak, size_t v)
{
    size_t old = atomic_load_explicit(peak, memory_order_relaxed);
    while (v > old && !atomic_compare_exchange_weak(peak, &old, v))
        ;
}

void memory_parts(struct server *srv, struct memory_parts *m)
{
    struct store *s = srv->store;
    struct store_counters counters;
    struct clients_totals clients;
    measure(srv, m);
    slab_parts(s, m);
    clients_totals(srv, &clients);
    m->clients = clients.memory_normal + clients.memory_pubsub;
    size_t slack = m->reserve + m->page_free + heap_idle(m);
    m->used = m->total > slack ? m->total - slack : 0;
    raise_to(&s->memory.peak_used, m->used);
    raise_to(&s->memory.peak_rss, m->rss);
    m->startup = atomic_load(&s->memory.startup_used);
    m->peak_used = atomic_load(&s->memory.peak_used);
    m->peak_rss = atomic_load(&s->memory.peak_rss);
    m->limit = (size_t)OPT(srv->opt, maxmemory);
    m->pages_moved = atomic_load(&s->memory.pages_won);
    m->chunks_moved = atomic_load(&s->outcomes[MOVE_MOVED]);
    m->bytes_moved = atomic_load(&s->moved_bytes);
    m->reclaim_background = atomic_load(&s->memory.background);
    store_counters_sum(s, &counters);
    m->reclaim_direct = counters.reclaim_direct;
    m->lazyfree_pending = atomic_load(&s->lazy_ropes) + atomic_load(&s->dead_count);
}

#ifndef FLAGSTONE_NO_JEMALLOC
/* Written static data and the main stack: anonymous memory of mappings that are neither ours nor jemalloc's. */
static size_t static_bytes(void)
{
    char line[512];
    size_t bytes = 0, kb;
    bool counts = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strchr(line, '-') != NULL && strstr(line, "kB") == NULL)
            counts = strchr(line, '/') != NULL || strstr(line, "[stack]") != NULL || strstr(line, "[heap]") != NULL;
        else if (counts && sscanf(line, "Anonymous: %zu kB", &kb) == 1)
            bytes += kb * 1024;
    }
    if (f != NULL)
        fclose(f);
    return bytes;
}
#endif

/* Says where maxmemory leaves nothing to values: most often its unit was forgotten. */
static void warn_of_small_limit(struct server *srv, const struct memory_parts *m)
{
    uint64_t limit = (uint64_t)OPT(srv->opt, maxmemory);
    if (limit > 0 && limit < m->total - m->pages + PAGE_SIZE)
        log_line(LOG_WARNING,
                 "maxmemory is %llu bytes, but the server takes %zu without any value: choose more. "
                 "Bytes take units, as in 100mb.",
                 (unsigned long long)limit, m->total - m->pages);
}

void memory_begin(struct server *srv)
{
    struct memory_parts m;
    struct memory_state *state = &srv->store->memory;
#ifndef FLAGSTONE_NO_JEMALLOC
    atomic_store(&state->program_bytes, static_bytes()); /* what it was linked with */
#endif
    memory_budget(srv);
    memory_parts(srv, &m);
    atomic_store(&state->startup_used, m.used);
    warn_of_small_limit(srv, &m);
}

uint64_t memory_limit(struct server *srv)
{
    uint64_t limit = (uint64_t)OPT(srv->opt, maxmemory), ceiling = atomic_load(&srv->store->memory.ceiling);
    return limit > 0 && ceiling > 0 && ceiling < limit ? ceiling : limit;
}

/* What maxmemory leaves for pages, UINT64_MAX without it. What clients hold within their room, with the gaps that they
 * make in the heap, costs no page. */
static uint64_t pages_allowed(struct server *srv, const struct memory_parts *m)
{
    uint64_t limit = memory_limit(srv); /* read last: a thread that is slow brings back no old one */
    if (limit == 0)
        return UINT64_MAX;
    size_t events = (size_t)atomic_load_explicit(&srv->nclients, memory_order_relaxed) * EVENTS_BYTES;
    size_t idle = heap_idle(m), own = client_room_taken(srv);
    size_t taken = own + events + (idle < own ? idle : own), room = (size_t)(limit / ROOM_UNCOUNTED);
    uint64_t other = m->total - m->pages + limit / BUDGET_MARGIN;
    other -= taken < room ? taken : room;
    return limit > other ? (limit - other) / PAGE_SIZE : 0;
}

/* Values would have to go, and jemalloc holds what nobody uses, or clients more than their room: that goes first.
 * False: there is no such thing, or it was given back. */
static bool others_first(struct server *srv, struct memory_parts *m)
{
    if (client_room_make(srv, NULL))
        return true;
    if (heap_idle(m) > memory_limit(srv) / BUDGET_MARGIN) {
        memory_heap_trim();
        measure(srv, m);
    }
    return false;
}

/* Before the budget is lowered by more than these pages, for which keys may have to go, the kernel is asked: jemalloc
 * tells of 2 MB at once that nobody has touched yet. */
enum { LOWERED_LEAST = 2 };

static void set_budget(struct server *srv)
{
    struct store *s = srv->store;
    struct memory_parts m;
    heap_decay();
    measure(srv, &m);
    uint64_t allowed = pages_allowed(srv, &m);
    if (allowed + LOWERED_LEAST < atomic_load(&s->slab.pool.budget)) {
        atomic_store(&s->memory.heap_ask_ns, 0);
        measure(srv, &m);
        allowed = pages_allowed(srv, &m);
    }
    raise_to(&s->memory.peak_rss, m.rss);
    if (allowed < pool_in_use(&s->slab.pool)) {
        if (others_first(srv, &m) && memory_limit(srv) >= atomic_load(&s->memory.budget_limit))
            return; /* they are on their way out: measured again when they are gone */
        allowed = pages_allowed(srv, &m);
    }
    atomic_store(&s->memory.budget_limit, memory_limit(srv));
    uint64_t pages = allowed == UINT64_MAX        ? s->slab.pool.pages
                     : allowed < BUDGET_MIN_PAGES ? BUDGET_MIN_PAGES
                                                  : allowed;
    pool_set_budget(&s->slab.pool, pages);
    limit_measured(srv, allowed);
}

/* Who changed the limit and the memory thread may be at it at once: no budget of an old limit stays. */
void memory_budget(struct server *srv)
{
    uint64_t limit;
    do {
        limit = memory_limit(srv);
        set_budget(srv);
        atomic_thread_fence(memory_order_seq_cst);
    } while (memory_limit(srv) != limit);
}

int memory_class_rows(struct server *srv, struct memory_class_row *rows, int max)
{
    struct store *s = srv->store;
    struct class_view v[CLASS_MAX];
    int row_of[CLASS_MAX] = {0}, n = 0;
    uint32_t classes = reclaim_views(s, v), pages = slab_page_count(&s->slab);
    for (uint32_t k = 0; k < classes; k++) {
        row_of[k] = v[k].pages > 0 ? n++ : -1;
        if (row_of[k] >= 0 && row_of[k] < max)
            rows[row_of[k]] = (struct memory_class_row){.chunk_size = v[k].chunk_size,
                                                        .chunks_per_page = v[k].per_page,
                                                        .frag_index = policy_frag_index(&v[k])};
        for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL && row_of[k] >= 0 && row_of[k] < max;
             x = x->next) {
            rows[row_of[k]].evicted += atomic_load_explicit(&x->evicted[k].n, memory_order_relaxed);
            rows[row_of[k]].evicted_age_ms += atomic_load_explicit(&x->evicted[k].age_ms, memory_order_relaxed);
        }
    }
    for (uint32_t p = 1; p < pages; p++) {
        struct page_counts c;
        slab_page_counts(&s->slab, p, &c);
        if (c.class >= classes || row_of[c.class] < 0 || row_of[c.class] >= max)
            continue;
        struct memory_class_row *r = &rows[row_of[c.class]];
        r->pages++;
        r->live += c.live;
        r->free += c.free;
        r->reserved += c.reserved;
        r->orphaned += c.orphaned;
    }
    return n;
}

void memory_limit_changed(struct server *srv)
{
    struct memory_parts m;
    store_configure(srv->store, srv->opt);
    memory_budget(srv);
    measure(srv, &m);
    warn_of_small_limit(srv, &m);
    srv->store->wake(srv->store->wake_arg);
}
