/* The memory thread: one loop of small steps, each bounded, with the most urgent first. It sleeps until somebody wakes
 * it or its next step is due; when a pass gains nothing it goes back to sleep, so an idle server costs next to nothing.
 * While there is more to do it sleeps for a moment between its steps: a worker on the same core that woke up when it
 * had just had its share would get the core at the kernel's next tick only, up to 4 ms later.
 *
 *   sweep and lazy freeing   what was flushed or unlinked
 *   expiry                   once a second
 *   budget                   ten times a second: what maxmemory leaves for pages
 *   reserve                  free pages between two watermarks: by populating, by compacting, by evicting
 *   defragmentation          as far as its share of a core goes
 *   packing                  the last, nearly empty pages of classes that nobody takes from
 *   trimming                 pages and heap that are more than the reserve go back to the system */
#include "server/memthread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/age.h"
#include "server/ahead.h"
#include "server/client_room.h"
#include "server/evict.h"
#include "server/expiry.h"
#include "server/latency.h"
#include "server/mailbox.h"
#include "server/memory.h"
#include "server/memory_state.h"
#include "server/memory_watch.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/pubsub.h"
#include "server/purge.h"
#include "server/reclaim.h"
#include "server/relocate.h"
#include "server/server.h"
#include "server/store_private.h"
#include "server/thread.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

enum {
    BEAT_MS = 100,
    WATCH_BEATS = 10,
    SETTLED_BEATS = 3, /* after so many a new server has done what it does at its start */
    SWEEP_SHARDS = 4,
    EXPIRY_PAGES = 128,
    EXPIRY_PAGES_TOLD = 8, /* while each expired key is told of */
    HELD_MS = 1,           /* between looks at messages that pile up */
    LAZY_SEGMENTS = 1024,
    RESERVE_MIN_PAGES = 2,
    RESERVE_MAX_PAGES = 1024,
    READY_MAX_PAGES = 256,
    RESERVE_STEPS = 64,
    TRIM_PAGES = 64,
    EVICT_STEP = 64,
    REST_NS = 300000, /* rests are not shorter, so that waking up for the next page costs little beside it */
    STEP_NS = 250000, /* of work in one go, and then a breath */
    BREATH_NS = 1000, /* whoever waits for the core gets it meanwhile */
    STRETCH_MAX_NS = 4000000,
    EVICT_FIRST_PAGES = 256,
    PACK_WAIT = 60,
    PACK_WAIT_FULL = 10, /* looks since a chunk was taken, in a full cache: what is packed has to take a page again */
};

struct memthread {
    struct server *srv;
    struct store *store;
    struct store_ctx *sx;
    pthread_t thread;
    int wake_fd;
    _Atomic bool wanted; /* somebody called since it began its last round */
    _Atomic bool asleep, stop;
    struct expiry expiry;
    struct purge purge;
    struct memory_watch watch;
    uint64_t next_beat_ns;
    uint64_t beats; /* since the start */
    struct age_keeper age;
    uint64_t tick_at_ns;          /* when the age clock steps by time next */
    uint64_t defrag_until_ns;     /* rest of the pacing: no defragmentation before */
    uint64_t rest_ns;             /* that is owed for pages already won */
    uint64_t expiry_ns;           /* CPU time that expiry took since the last beat */
    uint32_t expiry_share;        /* of a core, per mille, over the last second or so */
    uint32_t takes[CLASS_MAX];    /* of each class, when they were looked at last */
    bool quiet[CLASS_MAX];        /* nothing was taken of it between the last two looks */
    uint8_t pack_wait[CLASS_MAX]; /* looks until it may be packed: it could not be, or is in use in a full cache */
    bool packing;                 /* there may be more to pack since then */
    uint32_t reserve_low, reserve_high;
    uint32_t ready_low, ready_high; /* of the free pages, those that are resident */
    bool held;                      /* messages pile up: what would be told of waits */
    uint64_t breath_ns;             /* when it last slept */
    uint64_t stretch_ns;            /* how long it may work before it sleeps again */
};

static void wake(void *arg)
{
    struct memthread *m = arg;
    uint64_t one = 1;
    atomic_store(&m->wanted, true);
    if (!atomic_exchange(&m->asleep, false))
        return;
    if (write(m->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake */
}

static void wake_workers(void *arg)
{
    struct memthread *m = arg;
    for (int i = 0; i < m->srv->nworkers; i++) {
        struct letter *l = letter_new(LETTER_UNPAUSE, 0, 0); /* any letter makes it turn */
        if (l != NULL)
            mailbox_post(m->srv->workers[i]->mail, l);
    }
}

static bool spare(void *arg, struct store_ctx *sx)
{
    struct memthread *m = arg;
    return client_room_make(m->srv, sx);
}

static uint64_t at_most(uint64_t v, uint64_t most)
{
    return v < most ? v : most;
}

/* The watermarks of the reserve, in pages: 1/256 and 1/128 of the budget (without maxmemory, 1/1024 and 1/512 of what
 * is in use), unless the options say. While memory is not full, what is left to be handed out need not be resident: but
 * for some pages, so that writers need not populate their own. A full cache keeps what it has won. */
static void set_reserve(struct memthread *m)
{
    struct pool *pool = &m->store->slab.pool;
    uint64_t budget = atomic_load(&pool->budget);
    uint64_t low = at_most((uint64_t)OPT(m->srv->opt, reserve_low) / PAGE_SIZE, budget / 8);
    uint64_t high = at_most((uint64_t)OPT(m->srv->opt, reserve_high) / PAGE_SIZE, budget / 4);
    bool ours = low == 0 && high == 0;
    uint64_t size = OPT(m->srv->opt, maxmemory) > 0 ? budget : pool_in_use(pool);
    if (low == 0) {
        low = OPT(m->srv->opt, maxmemory) > 0 ? size / 256 : size / 1024;
        low = low < RESERVE_MIN_PAGES ? RESERVE_MIN_PAGES : low > RESERVE_MAX_PAGES ? RESERVE_MAX_PAGES : low;
        if (size < 64 * RESERVE_MIN_PAGES)
            low = size / 64 + 1;
    }
    if (high <= low)
        high = 2 * low;
    m->reserve_low = (uint32_t)low;
    m->reserve_high = (uint32_t)high;
    bool few = ours && high > READY_MAX_PAGES && !atomic_load(&m->store->full);
    m->ready_high = few ? READY_MAX_PAGES : m->reserve_high;
    m->ready_low = few ? READY_MAX_PAGES / 2 : m->reserve_low;
    if (atomic_load(&m->store->memory.ready_low) != m->ready_low) /* workers read that line */
        atomic_store(&m->store->memory.ready_low, m->ready_low);
}

static void keep_age(struct memthread *m)
{
    uint64_t lfu_decay_ms = (uint64_t)OPT(m->srv->opt, lfu_decay_time) * 60 * 1000;
    m->tick_at_ns = age_keep(m->sx, &m->age, lfu_decay_ms);
}

static uint64_t ms_since(uint64_t begin_ns)
{
    return (clock_mono_ns() - begin_ns) / 1000000;
}

/* Should the next step evict rather than compact? Where a lowered limit misses many pages, and what is scattered does
 * not make up for them: then items go first, so that pages are sparse when they are emptied and little is moved. */
static bool evict_first(struct store *s)
{
    struct class_view v[CLASS_MAX];
    uint64_t used = pool_in_use(&s->slab.pool);
    uint64_t budget = atomic_load_explicit(&s->slab.pool.budget, memory_order_relaxed);
    return used > budget + EVICT_FIRST_PAGES &&
           policy_scattered_bytes(v, reclaim_views(s, v)) < (used - budget) * PAGE_SIZE;
}

static bool evict_by(struct memthread *m, uint32_t (*some)(struct store_ctx *sx, uint32_t n))
{
    if (client_room_make(m->srv, NULL))
        return false; /* the last of them to go wakes this thread */
    if (m->held)
        return false; /* workers evict for themselves, and are held as publishers */
    uint64_t begin = clock_mono_ns();
    uint32_t evicted = some(m->sx, EVICT_STEP);
    notify_publish(m->srv, NULL, m->sx);
    durations_add(&m->sx->durations[DURATION_BACKGROUND], clock_mono_ns() - begin);
    latency_event(m->srv, "eviction-cycle", ms_since(begin));
    return evicted > 0;
}

static bool evict(struct memthread *m)
{
    return evict_by(m, evict_some);
}

static bool compact_by(struct memthread *m, bool (*one)(struct store_ctx *sx, struct decision *d))
{
    struct decision d;
    uint64_t begin = clock_mono_ns();
    bool won = one(m->sx, &d);
    durations_add(&m->sx->durations[DURATION_BACKGROUND], clock_mono_ns() - begin);
    if (won)
        atomic_fetch_add_explicit(&m->store->memory.pages_won, 1, memory_order_relaxed);
    return won;
}

static bool compact(struct memthread *m)
{
    return compact_by(m, reclaim_compact);
}

/* Memory is full, but the reserve not short yet: classes that run out of chunks get some where their own old entries
 * are, so that they need not take pages. Ends at `until`, in ns of the monotonic clock. Returns true while there is
 * more to do. */
static bool top_up(struct memthread *m, uint64_t until)
{
    struct class_view v[CLASS_MAX];
    struct store *s = m->store;
    uint32_t n = reclaim_views(s, v);
    if (policy_compact(v, n).why == WHY_COMPACT)
        return compact(m);
    uint64_t missing = policy_missing(v, n);
    for (uint64_t done = 0; done < missing && policy_missing(v, n) > 0; done += EVICT_STEP) {
        if (atomic_load(&s->dead_count) > 0 || atomic_load(&s->lazy_ropes) > 0 || !evict_by(m, evict_wanted))
            return false;
        if (clock_mono_ns() >= until)
            return true;
        reclaim_views(s, v);
    }
    return false;
}

/* A full cache is one that evicts; it stays full until a quarter more than the reserve is left. */
static bool is_full(const struct memthread *m)
{
    struct store *s = m->store;
    uint32_t most = m->reserve_high;
    if (atomic_load_explicit(&s->policy, memory_order_relaxed) == EVICT_NONE)
        return false;
    if (atomic_load(&s->full))
        most += most / 4 + 1;
    return reclaim_pages_left(s) <= most;
}

/* Keeps free pages between the watermarks. Returns true while there is more to do. */
static bool keep_reserve(struct memthread *m)
{
    struct store *s = m->store;
    uint64_t until = clock_mono_ns() + STEP_NS;
    set_reserve(m);
    bool full = is_full(m);
    if (atomic_load(&s->full) != full)
        atomic_store(&s->full, full);
    if (reclaim_pages_left(s) >= m->reserve_low) {
        uint32_t left = reclaim_pages_left(s), want = left < m->ready_high ? left : m->ready_high;
        if (atomic_load(&s->slab.pool.free) < m->ready_low)
            pool_fill(&s->slab.pool, want);
        return full && top_up(m, until);
    }
    uint32_t walked = evict_walked(s);
    for (int i = 0; i < RESERVE_STEPS && (i == 0 || clock_mono_ns() < until); i++) {
        if (reclaim_pages_left(s) >= m->reserve_high)
            return false;
        if (atomic_load(&s->dead_count) > 0 || atomic_load(&s->lazy_ropes) > 0)
            return true; /* before anything live goes */
        atomic_fetch_add_explicit(&s->memory.background, 1, memory_order_relaxed);
        if (!(evict_first(s) && evict(m)) && !compact(m) && !reclaim_cut_purge(m->sx) && !evict(m) &&
            !compact_by(m, reclaim_compact_all))
            return evict_walked(s) != walked && evict_goes_on(s, walked); /* rare candidates: a part a call */
    }
    return true;
}

static bool win_page(struct memthread *m)
{
    struct decision d;
    uint64_t begin = clock_mono_ns();
    bool won = reclaim_compact(m->sx, &d);
    if (won)
        atomic_fetch_add_explicit(&m->store->memory.pages_won, 1, memory_order_relaxed);
    latency_event(m->srv, "active-defrag-cycle", ms_since(begin));
    return won;
}

/* What expiry takes of the core counts against the effort, up to half of it: what is scattered because keys expire
 * is scattered again in a moment, and sparser pages cost less to empty. */
static uint32_t beside_expiry(const struct memthread *m, uint32_t effort)
{
    return effort - (m->expiry_share < effort / 2 ? m->expiry_share : effort / 2);
}

/* A few pages' worth of defragmentation, then a rest that keeps its share of the core. Returns true when it worked. */
static bool defragment(struct memthread *m)
{
    enum policy_why why;
    uint64_t now = clock_mono_ns();
    if (now < m->defrag_until_ns)
        return false;
    uint32_t effort = beside_expiry(m, defrag_run_effort(m->srv, now, &why));
    uint64_t begin = clock_thread_cpu_ns();
    if (effort == 0 || !win_page(m)) {
        defrag_run_idle(m->srv, now, effort == 0 ? why : WHY_HELD);
        if (effort > 0)
            m->defrag_until_ns = now + BEAT_MS * UINT64_C(1000000);
        return false;
    }
    uint64_t spent = clock_thread_cpu_ns() - begin, end = clock_mono_ns();
    defrag_run_won(m->srv, now, end, spent);
    m->rest_ns += spent * (POLICY_WHOLE - effort) / effort;
    if (m->rest_ns >= REST_NS) {
        m->defrag_until_ns = end + m->rest_ns;
        m->rest_ns = 0;
    }
    return true;
}

/* Classes of which no chunk was taken since the last look may be packed; in a full cache, since some looks. */
static void pack_look(struct memthread *m)
{
    const struct slab *slab = &m->store->slab;
    bool full = atomic_load_explicit(&m->store->full, memory_order_relaxed);
    m->packing = OPT(m->srv->opt, activedefrag) && atomic_load(&m->store->defrag.hand) != DEFRAG_STOP;
    for (uint32_t k = 0; k < slab->classes.n; k++) {
        uint32_t takes = atomic_load_explicit(&slab->class[k].takes, memory_order_relaxed);
        m->pack_wait[k] -= m->pack_wait[k] > 0;
        if (takes != m->takes[k] && full && m->pack_wait[k] < PACK_WAIT_FULL)
            m->pack_wait[k] = PACK_WAIT_FULL;
        m->quiet[k] = takes == m->takes[k] && m->pack_wait[k] == 0;
        m->takes[k] = takes;
    }
}

/* One page; true when it was tried. */
static bool pack(struct memthread *m)
{
    struct class_view v[CLASS_MAX];
    if (!m->packing)
        return false;
    uint32_t n = reclaim_views(m->store, v);
    for (uint32_t k = 0; k < n; k++)
        v[k].quiet = m->quiet[k];
    struct decision d = policy_pack(v, n - 1);
    m->packing = d.why == WHY_COMPACT;
    if (!m->packing)
        return false;
    if (reclaim_pack(m->sx, d.class)) {
        atomic_fetch_add_explicit(&m->store->memory.pages_won, 1, memory_order_relaxed);
    } else {
        m->quiet[d.class] = false;
        m->pack_wait[d.class] = PACK_WAIT;
    }
    return true;
}

/* Pages won, by whatever the memory thread does while a purge goes on. */
static void count_won(struct memthread *m, uint32_t pages)
{
    atomic_fetch_add_explicit(&m->store->memory.pages_won, pages, memory_order_relaxed);
    if (m->purge.running)
        m->purge.report.pages_emptied += pages;
}

static bool purge(struct memthread *m)
{
    struct purge *p = &m->purge;
    if (!purge_due(m->srv, p))
        return false;
    if (purge_goes_on(p)) {
        uint64_t begin = clock_mono_ns();
        enum drain_end end = reclaim_purge(m->sx);
        latency_event(m->srv, "active-defrag-cycle", ms_since(begin));
        count_won(m, end == DRAIN_WON);
        p->held += end == DRAIN_HELD;
        if (end != DRAIN_NONE)
            return true;
    }
    count_won(m, reclaim_purge_end(m->sx));
    purge_end(m->srv, p);
    return false;
}

static void revisit(struct memthread *m)
{
    lock_take(&m->store->reclaim, LOCK_RECLAIM);
    uint32_t won = m->store->nwaiting > 0 ? relocate_revisit(m->sx) : 0;
    lock_release(&m->store->reclaim, LOCK_RECLAIM);
    count_won(m, won);
}

static bool store_is_empty(const struct store *s)
{
    int64_t items = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        items += atomic_load_explicit(&x->bytes.items, memory_order_relaxed);
    return items == 0;
}

/* Averages what expiry took, over ten beats or so: its rounds are half a second apart. */
static void weigh_expiry(struct memthread *m)
{
    uint32_t share = (uint32_t)(m->expiry_ns / (BEAT_MS * UINT64_C(1000000) / POLICY_WHOLE));
    m->expiry_share = (m->expiry_share * 9 + (share < POLICY_WHOLE ? share : POLICY_WHOLE)) / 10;
    m->expiry_ns = 0;
}

static void beat(struct memthread *m)
{
    uint64_t now = clock_mono_ns();
    if (now < m->next_beat_ns)
        return;
    weigh_expiry(m);
    m->next_beat_ns = now + BEAT_MS * UINT64_C(1000000);
    if (++m->beats % WATCH_BEATS == 1)
        memory_watch(m->srv, &m->watch);
    if (m->beats % WATCH_BEATS == 0) {
        pack_look(m);
        ahead_measure(m->store);
    }
    if (m->beats == SETTLED_BEATS && store_is_empty(m->store))
        memory_begin(m->srv); /* at the start other threads were still touching their stacks */
    if (OPT(m->srv->opt, maxmemory) > 0 || m->beats % WATCH_BEATS == 1) /* without a limit it is only shown */
        memory_budget(m->srv);
    revisit(m);
}

/* Takes up what has expired. A million keys at once are told of in small steps, with no lock held, and not while
 * messages pile up. */
static bool expire(struct memthread *m)
{
    bool told = notices_wanted(m->store) != 0;
    m->held = told && pubsub_congested(m->srv);
    if (m->held)
        return false;
    uint64_t begin = clock_mono_ns(), cpu = clock_thread_cpu_ns();
    bool more = expiry_step(m->sx, &m->expiry, told ? EXPIRY_PAGES_TOLD : EXPIRY_PAGES);
    notify_publish(m->srv, NULL, m->sx);
    m->expiry_ns += clock_thread_cpu_ns() - cpu;
    latency_event(m->srv, "expire-cycle", ms_since(begin));
    return more;
}

/* Between two steps, with no lock held: see above. Where the breath took long, because a worker keeps the core busy,
 * the next one comes after as long: each gets its half. */
static void breathe(struct memthread *m)
{
    const struct timespec moment = {.tv_nsec = BREATH_NS};
    struct pool *pool = &m->store->slab.pool;
    uint64_t now = clock_mono_ns();
    if (now - m->breath_ns < m->stretch_ns || pool_in_use(pool) > atomic_load(&pool->budget))
        return; /* over the limit there is no time to lose */
    nanosleep(&moment, NULL);
    m->breath_ns = clock_mono_ns();
    uint64_t took = m->breath_ns - now;
    m->stretch_ns = took < STEP_NS ? STEP_NS : took < STRETCH_MAX_NS ? took : STRETCH_MAX_NS;
}

/* Everything once; true: there is more to do at once. */
static bool round_of_work(struct memthread *m)
{
    struct store *s = m->store;
    store_ctx_turn(m->sx, clock_wall_ms());
    keep_age(m);
    beat(m);
    bool more = store_sweep(m->sx, SWEEP_SHARDS);
    breathe(m);
    more |= rope_free_lazy(m->sx, LAZY_SEGMENTS) > 0;
    breathe(m);
    more |= expire(m);
    breathe(m);
    more |= keep_reserve(m);
    breathe(m);
    more |= defragment(m);
    more |= pack(m);
    more |= purge(m);
    breathe(m);
    more |= pool_trim(&s->slab.pool, m->ready_high, TRIM_PAGES) == TRIM_PAGES;
    return more;
}

/* The time until the next step is due. Rests of the pacing are shorter than the milliseconds of poll(2). */
static struct timespec patience(const struct memthread *m)
{
    uint64_t now = clock_mono_ns(), next = m->next_beat_ns;
    if (m->defrag_until_ns > now && m->defrag_until_ns < next)
        next = m->defrag_until_ns;
    if (m->tick_at_ns < next)
        next = m->tick_at_ns;
    uint64_t ns = m->held ? HELD_MS * UINT64_C(1000000) : next <= now ? 0 : next - now;
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

static void *run(void *arg)
{
    struct memthread *m = arg;
    thread_yield_at_wake();
    thread_exact_timers();
    while (!atomic_load(&m->stop)) {
        atomic_store(&m->wanted, false);
        if (round_of_work(m))
            continue;
        magazines_flush(m->sx);
        struct pollfd p = {.fd = m->wake_fd, .events = POLLIN};
        struct timespec rest = patience(m);
        atomic_store(&m->asleep, true);
        if (!atomic_load(&m->wanted) && ppoll(&p, 1, &rest, NULL) > 0) {
            uint64_t n;
            if (read(m->wake_fd, &n, sizeof n) < 0)
                continue;
        }
        atomic_store(&m->asleep, false);
        m->breath_ns = clock_mono_ns();
    }
    return NULL;
}

struct memthread *memthread_new(struct server *srv)
{
    struct memthread *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    *m = (struct memthread){.srv = srv, .store = srv->store, .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    m->sx = store_ctx_new(srv->store);
    if (m->sx == NULL || m->wake_fd < 0) {
        log_line(LOG_WARNING, "Could not make the memory thread: %s", strerror(errno));
        memthread_free(m);
        return NULL;
    }
    m->sx->background = true;
    srv->store->wake_arg = m;
    atomic_store(&srv->store->defrag.guard, POLICY_WHOLE);
    srv->store->wake = wake;
    srv->store->wake_workers = wake_workers;
    srv->store->spare = spare;
    return m;
}

void memthread_free(struct memthread *m)
{
    if (m == NULL)
        return;
    m->store->wake = m->store->wake_workers = store_wake_nobody;
    m->store->spare = store_spare_nobody;
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    store_ctx_free(m->sx);
    free(m);
}

bool memthread_start(struct memthread *m)
{
    memory_begin(m->srv);
    int error = thread_start(m->srv, &m->thread, "memory", run, m);
    if (error != 0)
        log_line(LOG_WARNING, "Could not start the memory thread: %s", strerror(error));
    return error == 0;
}

void memthread_stop(struct memthread *m)
{
    atomic_store(&m->stop, true);
    atomic_store(&m->asleep, true);
    wake(m);
    pthread_join(m->thread, NULL);
}
