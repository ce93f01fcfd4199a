/* See defrag_run.h. Effort is the policy's (linear between the thresholds), of which the latency guard leaves a share:
 * ten times a second it compares how many commands took longer than active-defrag-latency-target with how many there
 * were. Workers count these where slow commands are looked at anyhow, so a command that is fast pays nothing. */
#include "server/defrag_run.h"

#include "server/options.h"
#include "server/reclaim.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/store_private.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

#define GUARD_NS UINT64_C(100000000)
#define OVER_NS UINT64_C(1000000000) /* without a page won, a run is over */
#define LOG_NS UINT64_C(60000000000) /* between two runs that are logged */

static uint64_t load(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

/* The guard's share, looked at again when it is time. What was late while it did not look was not its doing. */
static uint32_t guard(struct server *srv, uint64_t now_ns)
{
    struct defrag_run *d = &srv->store->defrag;
    uint32_t share = atomic_load_explicit(&d->guard, memory_order_relaxed);
    uint64_t total[STATS_COUNTERS];
    if (OPT(srv->opt, active_defrag_latency_target) == 0) {
        atomic_store_explicit(&d->guard, POLICY_WHOLE, memory_order_relaxed);
        return POLICY_WHOLE;
    }
    if (now_ns < d->guard_ns)
        return share;
    bool looked = now_ns - d->guard_ns < GUARD_NS;
    d->guard_ns = now_ns + GUARD_NS;
    stats_totals(srv->stats, total);
    uint64_t calls = total[STATS_COMMANDS], late = total[STATS_LATE];
    if (looked && calls >= d->calls && late >= d->late) /* no CONFIG RESETSTAT in between */
        share = policy_guard(share, calls - d->calls, late - d->late);
    d->calls = calls;
    d->late = late;
    atomic_store_explicit(&d->guard, share, memory_order_relaxed);
    return share;
}

static uint32_t wanted(struct server *srv, enum policy_why *why)
{
    struct options *o = srv->opt;
    struct class_view v[CLASS_MAX];
    int hand = atomic_load(&srv->store->defrag.hand);
    *why = hand == DEFRAG_STOP ? WHY_STOPPED : WHY_OFF;
    if (hand == DEFRAG_STOP || (hand == DEFRAG_AUTO && !OPT(o, activedefrag)))
        return 0;
    uint32_t n = reclaim_views(srv->store, v);
    *why = policy_compact(v, n).why;
    if (hand == DEFRAG_START || *why != WHY_COMPACT)
        return *why == WHY_COMPACT ? POLICY_WHOLE : 0;
    size_t used = (size_t)pool_in_use(&srv->store->slab.pool) * PAGE_SIZE, bytes = policy_scattered_bytes(v, n);
    return policy_effort(bytes, used > bytes ? used - bytes : 0, (size_t)OPT(o, active_defrag_ignore_bytes),
                         (uint32_t)OPT(o, active_defrag_threshold_lower),
                         (uint32_t)OPT(o, active_defrag_threshold_upper), (uint32_t)OPT(o, active_defrag_cycle_min),
                         (uint32_t)OPT(o, active_defrag_cycle_max), why);
}

uint32_t defrag_run_effort(struct server *srv, uint64_t now_ns, enum policy_why *why)
{
    uint32_t full = wanted(srv, why), least = (uint32_t)OPT(srv->opt, active_defrag_cycle_min) * 10;
    if (full == 0)
        return 0;
    if (load(&srv->store->defrag.begun_ns) == 0) /* should this step begin a run */
        srv->store->defrag.mark = load(&srv->store->moved_bytes);
    uint32_t share = guard(srv, now_ns), effort = full * share / POLICY_WHOLE;
    if (effort < least)
        effort = least < full ? least : full;
    if (effort < full)
        *why = WHY_LATENCY_GUARD;
    atomic_store_explicit(&srv->store->defrag.effort, effort, memory_order_relaxed);
    atomic_store_explicit(&srv->store->defrag.why, (int)*why, memory_order_relaxed);
    return effort;
}

static void begin(struct server *srv, uint64_t now_ns)
{
    struct store *s = srv->store;
    struct defrag_run *d = &s->defrag;
    struct class_view v[CLASS_MAX];
    atomic_store(&d->pages, 0);
    atomic_store(&d->cpu_ns, 0);
    atomic_store(&d->bytes_before, d->mark);
    atomic_store(&d->begun_ns, now_ns);
    atomic_fetch_add(&d->runs, 1);
    d->logged = d->logged_ns == 0 || now_ns - d->logged_ns > LOG_NS;
    if (!d->logged)
        return;
    d->logged_ns = now_ns;
    log_line(LOG_NOTICE, "Active defrag begins: %.1f MB in use, %.1f MB of it scattered, %.1f %% of a core",
             (double)pool_in_use(&s->slab.pool) * PAGE_SIZE / 1e6,
             (double)policy_scattered_bytes(v, reclaim_views(s, v)) / 1e6, (double)atomic_load(&d->effort) / 10);
}

void defrag_run_won(struct server *srv, uint64_t from_ns, uint64_t to_ns, uint64_t cpu_ns)
{
    struct defrag_run *d = &srv->store->defrag;
    if (load(&d->begun_ns) == 0)
        begin(srv, from_ns);
    atomic_store_explicit(&d->won_ns, to_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&d->pages, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&d->cpu_ns, cpu_ns, memory_order_relaxed);
}

void defrag_run_idle(struct server *srv, uint64_t now_ns, enum policy_why why)
{
    struct defrag_run *d = &srv->store->defrag;
    uint64_t begun = load(&d->begun_ns), won = load(&d->won_ns), asked = load(&d->asked_ns);
    uint64_t since = won > asked ? won : asked;
    bool over = since + OVER_NS <= now_ns;
    int hand = DEFRAG_START;
    atomic_store_explicit(&d->why, (int)why, memory_order_relaxed);
    if (why == WHY_NOTHING_TO_GAIN || (why == WHY_HELD && over))
        atomic_compare_exchange_strong(&d->hand, &hand, DEFRAG_AUTO);
    if (begun == 0 || (!over && why != WHY_STOPPED && why != WHY_OFF))
        return;
    uint64_t took = won - begun;
    atomic_store_explicit(&d->effort, 0, memory_order_relaxed);
    atomic_fetch_add(&d->total_ns, took);
    atomic_store(&d->bytes_after, load(&srv->store->moved_bytes));
    atomic_store(&d->begun_ns, 0);
    if (d->logged)
        log_line(LOG_NOTICE,
                 "Active defrag ends (%s): %llu pages won, %.1f MB moved in %.2f s, %.3f s of CPU; %.1f MB in use",
                 policy_why_name(why), (unsigned long long)load(&d->pages),
                 (double)(load(&d->bytes_after) - load(&d->bytes_before)) / 1e6, (double)took / 1e9,
                 (double)load(&d->cpu_ns) / 1e9, (double)pool_in_use(&srv->store->slab.pool) * PAGE_SIZE / 1e6);
}

void defrag_run_ask(struct server *srv, enum defrag_hand hand)
{
    atomic_store(&srv->store->defrag.asked_ns, clock_mono_ns());
    atomic_store(&srv->store->defrag.hand, hand);
    srv->store->wake(srv->store->wake_arg);
}

void defrag_run_report(struct server *srv, struct defrag_report *r)
{
    struct store *s = srv->store;
    struct defrag_run *d = &s->defrag;
    struct class_view v[CLASS_MAX];
    uint64_t begun = load(&d->begun_ns), won = load(&d->won_ns), before = load(&d->bytes_before);
    uint64_t bytes = load(begun != 0 ? &s->moved_bytes : &d->bytes_after);
    *r = (struct defrag_report){.running = begun != 0, .why = (enum policy_why)atomic_load(&d->why)};
    r->effort = begun != 0 ? atomic_load(&d->effort) : 0;
    r->guard = atomic_load(&d->guard);
    r->runs = load(&d->runs);
    r->ms = begun != 0 && won > begun ? (won - begun) / 1000000 : 0;
    r->total_ms = load(&d->total_ns) / 1000000 + r->ms;
    r->pages = load(&d->pages);
    r->bytes = bytes > before ? bytes - before : 0;
    r->cpu_ms = load(&d->cpu_ns) / 1000000;
    r->scattered = policy_scattered_bytes(v, reclaim_views(s, v));
    uint64_t left = r->scattered / PAGE_SIZE;
    r->progress = r->pages + left == 0 ? 100 : (uint32_t)(r->pages * 100 / (r->pages + left));
}
