/* See purge.h. What a purge did is the difference of counters that there are anyhow. */
#include "server/purge.h"

#include <string.h>

#include "defrag/policy.h"
#include "protocol/reply.h"
#include "server/conn.h"
#include "server/conn_private.h"
#include "server/mailbox.h"
#include "server/memory.h"
#include "server/memory_state.h"
#include "server/reclaim.h"
#include "server/relocate.h"
#include "server/server.h"
#include "server/store_private.h"
#include "server/worker.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

enum { KEEP_PAGES = 4 }; /* free pages that stay, so that the next write need not wait for one */

static uint64_t load(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

uint32_t purge_ask(struct server *srv)
{
    uint32_t number = (uint32_t)atomic_fetch_add(&srv->store->memory.purges, 1) + 1;
    srv->store->wake(srv->store->wake_arg);
    return number;
}

static void begin(struct server *srv, struct purge *p)
{
    struct store *s = srv->store;
    struct memory_parts m;
    memory_parts(srv, &m);
    p->running = true;
    p->held = 0;
    p->begun_ns = clock_mono_ns();
    p->report = (struct purge_report){.pages_scanned = m.n_pages_used, .rss_before = m.rss};
    p->moved_before = load(&s->outcomes[MOVE_MOVED]);
    p->bytes_before = load(&s->moved_bytes);
    p->pinned_before = load(&s->outcomes[MOVE_PINNED]);
    p->reserved_before = load(&s->outcomes[MOVE_RESERVED]);
    p->released_before = load(&s->slab.pool.released);
    p->pages_before = load(&s->memory.pages_won);
    p->heap_before = m.jemalloc;
}

bool purge_due(struct server *srv, struct purge *p)
{
    p->asked = (uint32_t)atomic_load(&srv->store->memory.purges);
    if (p->asked == p->done)
        return false;
    if (!p->running)
        begin(srv, p);
    return true;
}

bool purge_goes_on(const struct purge *p)
{
    return p->report.pages_emptied < p->report.pages_scanned && p->held < WAITING_PAGES;
}

static void tell(struct server *srv, const struct purge *p)
{
    for (int i = 0; i < srv->nworkers; i++) {
        struct letter *l = letter_new(LETTER_PURGED, p->done, sizeof p->report);
        if (l == NULL) {
            log_line(LOG_WARNING, "Out of memory: who waits for MEMORY PURGE VERBOSE is told by the next one");
            return;
        }
        memcpy(l->data, &p->report, sizeof p->report);
        mailbox_post(srv->workers[i]->mail, l);
    }
}

void purge_end(struct server *srv, struct purge *p)
{
    struct store *s = srv->store;
    struct memory_parts m;
    struct class_view v[CLASS_MAX];
    struct purge_report *r = &p->report;
    memory_heap_trim();
    pool_trim(&s->slab.pool, KEEP_PAGES, UINT32_MAX);
    memory_parts(srv, &m);
    r->ms = (clock_mono_ns() - p->begun_ns) / 1000000;
    r->chunks_moved = load(&s->outcomes[MOVE_MOVED]) - p->moved_before;
    r->bytes_moved = load(&s->moved_bytes) - p->bytes_before;
    r->chunks_pinned = load(&s->outcomes[MOVE_PINNED]) - p->pinned_before;
    r->chunks_reserved = load(&s->outcomes[MOVE_RESERVED]) - p->reserved_before;
    r->pages_released = load(&s->slab.pool.released) - p->released_before;
    r->heap_released = (int64_t)p->heap_before - (int64_t)m.jemalloc;
    r->rss_after = m.rss;
    r->scattered_bytes = policy_scattered_bytes(v, reclaim_views(s, v));
    p->done = p->asked;
    p->running = false;
    tell(srv, p);
}

void purge_wait(struct conn *c, uint32_t number)
{
    conn_io(c)->purge = number;
    conn_block(c);
}

static void pair(struct reply *out, const char *name, int64_t v)
{
    reply_cstr(out, name);
    reply_int(out, v);
}

static void answer(struct reply *out, const struct purge_report *r)
{
    reply_map(out, 12);
    pair(out, "milliseconds", (int64_t)r->ms);
    pair(out, "pages.scanned", (int64_t)r->pages_scanned);
    pair(out, "pages.emptied", (int64_t)r->pages_emptied);
    pair(out, "pages.released", (int64_t)r->pages_released);
    pair(out, "chunks.moved", (int64_t)r->chunks_moved);
    pair(out, "bytes.moved", (int64_t)r->bytes_moved);
    pair(out, "chunks.pinned", (int64_t)r->chunks_pinned);
    pair(out, "chunks.reserved", (int64_t)r->chunks_reserved);
    pair(out, "heap.released-bytes", r->heap_released);
    pair(out, "rss.before", (int64_t)r->rss_before);
    pair(out, "rss.after", (int64_t)r->rss_after);
    pair(out, "scattered.bytes-left", (int64_t)r->scattered_bytes);
}

/* Number `b` was asked for no later than `a`. Numbers may wrap. */
static bool covers(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static bool answer_one(void *arg, struct conn *c)
{
    const struct letter *l = arg;
    struct purge_report r;
    if (!covers((uint32_t)l->id, conn_io(c)->purge))
        return false;
    memcpy(&r, l->data, sizeof r);
    if (!conn_has(c, CONN_REPLY_OFF))
        answer(&c->out, &r);
    return true;
}

void purge_told(struct worker *w, const struct letter *l)
{
    conn_unblock(w, answer_one, (void *)(uintptr_t)l);
}
