/* See client_room.h. Two lines of defence: the memory thread, or a worker that reclaims, closes the largest as soon as
 * memory is short and the room nearly full; and a worker closes who grows beyond it in the same turn, since a
 * thousand clients may ask for something large between two looks of the memory thread. */
#include "server/client_room.h"

#include "server/clients.h"
#include "server/conn_private.h"
#include "server/memory_state.h"
#include "server/options.h"
#include "server/reclaim.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

enum {
    FREE_SHARE = 64,   /* with less of maxmemory left for pages, memory is short */
    LEAVE_MS = 100,    /* so long is waited for clients that were told to go */
    STALLED_MS = 2000, /* nothing came of a value: it counts as its client's */
    VAIN_MS = 100,     /* so long who could not be cut is left, unless what clients take changes by a VAIN_SHARE */
    VAIN_SHARE = 16,
    EXCESS_LEAST = 4096, /* bytes; who has less is not worth closing */
};

size_t client_room(const struct server *srv)
{
    uint64_t limit = memory_limit((struct server *)(uintptr_t)srv);
    int64_t asked = options_maxmemory_clients(srv->opt);
    if (limit == 0)
        return SIZE_MAX;
    return asked > 0 ? (size_t)asked : (size_t)(limit / ROOM_UNCOUNTED);
}

size_t client_room_taken(const struct server *srv)
{
    size_t sum = 0;
    for (int i = 0; i < srv->nworkers; i++) {
        const struct clients *cl = &srv->workers[i]->clients;
        size_t all = atomic_load_explicit(&cl->memory_normal, memory_order_relaxed);
        size_t incoming = atomic_load_explicit(&cl->incoming, memory_order_relaxed);
        sum += all > incoming ? all - incoming : 0;
    }
    return sum;
}

size_t client_room_stalled(const struct conn *c, int64_t now_ms)
{
    if (now_ms - atomic_load_explicit(&c->active_ms, memory_order_relaxed) < STALLED_MS || conn_has(c, CONN_PAUSED))
        return 0; /* who waits until its command may go on can send nothing */
    return atomic_load_explicit(&c->incoming, memory_order_relaxed);
}

/* Bytes of values on their way in of which nothing came for a while, as of the workers' last seconds. */
static size_t stalled(const struct server *srv)
{
    size_t sum = 0;
    for (int i = 0; i < srv->nworkers; i++)
        sum += atomic_load_explicit(&srv->workers[i]->clients.stalled, memory_order_relaxed);
    return sum;
}

static size_t excess(void *arg, struct conn *c)
{
    const int64_t *now_ms = arg;
    size_t all = conn_charge(c), idle = sizeof(struct conn_io);
    idle += atomic_load_explicit(&c->incoming, memory_order_relaxed) - client_room_stalled(c, *now_ms);
    all = all > idle ? all - idle : 0;
    return all >= EXCESS_LEAST ? all : 0;
}

/* Those of this worker's clients that are to go give back what they hold of replies now: their letter comes only when
 * the command that needs the memory is over. */
static void abandon_own(struct server *srv, struct store_ctx *sx)
{
    struct worker *w = NULL;
    for (int i = 0; i < srv->nworkers; i++)
        w = srv->workers[i]->sx == sx ? srv->workers[i] : w;
    for (struct conn *c = w == NULL ? NULL : w->clients.first; c != NULL; c = c->next) {
        if (!conn_has(c, CONN_CUT) || conn_io(c)->in_batch || c->out.failed)
            continue;
        reply_abandon(&c->out);
        conn_set(c, CONN_CLOSE_ASAP);
        conn_account(c);
    }
}

/* Was there nobody to close a moment ago, when clients took about as much as now? */
static bool in_vain(const struct room_vain *v, size_t taken, size_t room, int64_t mono_ms)
{
    size_t then = atomic_load_explicit(&v->taken, memory_order_relaxed), little = room / VAIN_SHARE;
    return mono_ms < atomic_load_explicit(&v->until_ms, memory_order_relaxed) && taken <= then + little &&
           then <= taken + little;
}

/* Closes the largest where clients take more than `room` and something can be won by it. A look at all clients takes a
 * while, and who reclaims comes back for every page: where it was in vain, the next one waits. It was not where some
 * are on their way out. */
static void cut_largest(struct server *srv, size_t room, int64_t now_ms)
{
    struct room_vain *vain = &srv->room_vain;
    size_t taken = client_room_taken(srv) + stalled(srv) + store_orphan_bytes(srv->store);
    size_t idle = (size_t)atomic_load_explicit(&srv->nclients, memory_order_relaxed) * sizeof(struct conn_io);
    int64_t mono_ms = (int64_t)(clock_mono_ns() / 1000000);
    if (taken <= room + idle || in_vain(vain, taken, room, mono_ms))
        return;
    unsigned cut = clients_cut(srv, room, room / 2, excess, &now_ms);
    if (cut > 0) {
        atomic_store(&srv->leaving_since_ms, now_ms);
        log_line(LOG_WARNING, "Memory is short: closed %u clients that held more than %zu bytes together", cut, room);
    } else if (atomic_load(&srv->leaving) == 0) {
        atomic_store_explicit(&vain->taken, taken, memory_order_relaxed);
        atomic_store_explicit(&vain->until_ms, mono_ms + VAIN_MS, memory_order_relaxed);
    }
}

bool client_room_make(struct server *srv, struct store_ctx *sx)
{
    int64_t now_ms = clock_wall_ms();
    size_t room = client_room(srv);
    if (room == SIZE_MAX)
        return false;
    cut_largest(srv, room - room / 4, now_ms);
    if (sx != NULL && atomic_load(&srv->leaving) > 0)
        abandon_own(srv, sx);
    int64_t since = now_ms - atomic_load(&srv->leaving_since_ms);
    return atomic_load(&srv->leaving) > 0 && since >= 0 && since < LEAVE_MS;
}

bool client_room_burst(struct conn *c)
{
    struct server *srv = c->wkr->srv;
    size_t room = client_room(srv), taken;
    if (room == SIZE_MAX || (taken = client_room_taken(srv)) <= room)
        return false;
    uint32_t n = atomic_load_explicit(&srv->nclients, memory_order_relaxed);
    size_t idle = (size_t)n * sizeof(struct conn_io);
    return taken > idle + room && reclaim_pages_left(srv->store) < memory_limit(srv) / FREE_SHARE / PAGE_SIZE &&
           atomic_load_explicit(&c->memory, memory_order_relaxed) -
                   atomic_load_explicit(&c->incoming, memory_order_relaxed) >=
               taken / (n > 0 ? n : 1) &&
           !conn_has(c, CONN_NO_EVICT);
}

void client_room_left(struct conn *c)
{
    struct server *srv = c->wkr->srv;
    if (atomic_fetch_sub(&srv->leaving, 1) == 1)
        srv->store->wake(srv->store->wake_arg); /* it waits with evicting */
}
