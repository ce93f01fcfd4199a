/* Connections: birth, death, and the fields that others look at.
 *
 * Invariants: a connection is in its worker's registry from conn_new to conn_free. The worker's memory sum is the
 * sum of the `memory` of its connections. A connection with requests in the batch is never freed: it is marked
 * CONN_CLOSE_ASAP and the batch frees it when it is done with it. */
#include "server/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/client_room.h"
#include "server/clients.h"
#include "server/conn_private.h"
#include "server/monitor.h"
#include "server/options.h"
#include "server/pin.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/txn.h"
#include "server/worker.h"
#include "slab/base/assert.h"

const char conn_no_memory[1] = {0};

/* The promise of at most 1 KB an idle connection, libevent's part (a slot of its descriptor map) included. */
static_assert(sizeof(struct conn_io) <= 768, "an idle connection is small");

struct conn *conn_new(struct worker *w, int fd, const struct conn_origin *origin)
{
    struct conn_io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return NULL;
    struct conn *c = &io->c;
    c->magic = CONN_MAGIC;
    c->fd = fd;
    c->id = atomic_fetch_add_explicit(&w->srv->next_client_id, 1, memory_order_relaxed) + 1;
    c->wkr = w;
    c->peer = origin->peer;
    c->local = origin->local;
    c->created_ms = clock_wall_ms();
    atomic_init(&c->active_ms, c->created_ms);
    atomic_init(&c->resp, 2);
    atomic_init(&c->queued, -1);
    atomic_init(&c->flags, origin->flags);
    io->reply_mean = CONN_REPLY_GUESS;
    reply_init(&c->out);
    event_assign(&io->readable, w->base, fd, EV_READ | EV_PERSIST, conn_on_readable, c);
    if (event_add(&io->readable, NULL) != 0) {
        reply_free(&c->out);
        free(io);
        return NULL;
    }
    io->reading = true;
    acl_welcome(c);
    clients_add(&w->clients, c);
    conn_account(c);
    return c;
}

static void set_incoming(struct conn *c, size_t now)
{
    _Atomic size_t *sum = &c->wkr->clients.incoming;
    size_t before = atomic_load_explicit(&c->incoming, memory_order_relaxed);
    if (LIKELY(now == before))
        return;
    atomic_store_explicit(&c->incoming, now, memory_order_relaxed);
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + now - before, memory_order_relaxed);
}

static void conn_release_memory(struct conn_io *io)
{
    struct conn *c = &io->c;
    struct clients *cl = &c->wkr->clients;
    size_t sum = atomic_load_explicit(&cl->memory_normal, memory_order_relaxed);
    size_t mine = atomic_load_explicit(&c->memory, memory_order_relaxed);
    ASSERT(sum >= mine);
    atomic_store_explicit(&cl->memory_normal, sum - mine, memory_order_relaxed);
    set_incoming(c, 0);
    if (io->big != NULL)
        conn_drop_big(c->wkr, io->big);
    resp_reset(&io->parser, conn_drop_big, c->wkr);
    conn_forget_parked(c);
    txn_drop(c);
    reply_free(&c->out);
    free(io->in);
    free(c->name);
    free(c->lib_name);
    free(c->lib_ver);
    acl_forget(c);
}

void conn_free(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    ASSERT(c->magic == CONN_MAGIC);
    ASSERT(!io->in_batch);
    event_del(&io->readable);
    if (io->writable != NULL)
        event_free(io->writable);
    if (io->in_paused_list) {
        struct conn **at = &c->wkr->paused;
        while (*at != c)
            at = &conn_io(*at)->paused_next;
        *at = io->paused_next;
    }
    monitor_remove(c);
    pubsub_drop(c);
    clients_remove(&c->wkr->clients, c);
    bool cut = conn_has(c, CONN_CUT); /* nobody can set that any more */
    conn_release_memory(io);
    if (cut) {
        stats_add(c->wkr->stats, STATS_CLIENTS_EVICTED, 1);
        client_room_left(c);
    }
    close(c->fd);
    atomic_fetch_sub_explicit(&c->wkr->clients.count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->wkr->srv->nclients, 1, memory_order_relaxed);
    c->magic = 0;
    free(io);
}

void conn_drop(struct conn *c)
{
    if (conn_io(c)->in_batch)
        conn_set(c, CONN_CLOSE_ASAP);
    else
        conn_free(c);
}

void conn_account(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    size_t incoming = io->arrived; /* in pages, and about to be keys */
    if (UNLIKELY(io->big != NULL && io->big != CONN_NO_MEMORY))
        incoming += big_memory(io->big);
    size_t now = sizeof *io + io->in_cap + c->out.owned + resp_memory(&io->parser) + incoming;
    if (UNLIKELY(io->parked != NULL))
        now += conn_parked_memory(c, &incoming);
    if (UNLIKELY(io->txn != NULL || io->watcher != NULL))
        now += txn_memory(c, &incoming);
    if (UNLIKELY(io->subs != NULL))
        now += pubsub_memory(c) + c->out.attached; /* messages; nobody else has them */
    atomic_store_explicit(&c->input_bytes, (uint32_t)io->in_len, memory_order_relaxed);
    atomic_store_explicit(&c->input_room, (uint32_t)io->in_cap, memory_order_relaxed);
    atomic_store_explicit(&c->output_bytes, reply_memory(&c->out), memory_order_relaxed);
    size_t before = atomic_load_explicit(&c->memory, memory_order_relaxed);
    set_incoming(c, incoming);
    if (LIKELY(now == before))
        return;
    _Atomic size_t *sum = &c->wkr->clients.memory_normal;
    atomic_store_explicit(&c->memory, now, memory_order_relaxed);
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + now - before, memory_order_relaxed);
}

size_t conn_charge(struct conn *c)
{
    return atomic_load_explicit(&c->memory, memory_order_relaxed) + pins_charge(c);
}

void conn_hold(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (io->reading)
        event_del(&io->readable);
    io->reading = false;
}

void conn_unhold(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (io->reading)
        return;
    if (event_add(&io->readable, NULL) == 0)
        io->reading = true;
    else
        conn_set(c, CONN_CLOSE_ASAP);
}

/* Others set CONN_KILLED, so changes are atomic; they are rare. */
void conn_set(struct conn *c, uint32_t flags)
{
    atomic_fetch_or_explicit(&c->flags, flags, memory_order_relaxed);
}

void conn_clear(struct conn *c, uint32_t flags)
{
    atomic_fetch_and_explicit(&c->flags, ~flags, memory_order_relaxed);
}

void conn_select(struct conn *c, int db)
{
    atomic_store_explicit(&c->db, db, memory_order_relaxed);
}

void conn_protocol(struct conn *c, int resp)
{
    c->out.resp = (uint8_t)resp;
    atomic_store_explicit(&c->resp, (uint8_t)resp, memory_order_relaxed);
}

void conn_reset(struct conn *c)
{
    monitor_remove(c);
    pubsub_drop(c);
    txn_drop(c);
    conn_clear(c, CONN_REPLY_OFF | CONN_REPLY_SKIP | CONN_REPLY_SKIP_NEXT | CONN_NO_TOUCH);
    c->out.muted = 0;
    conn_select(c, 0);
    conn_protocol(c, 2);
    conn_set_string(c, &c->name, NULL, 0);
    acl_reset(c);
}

void conn_close_after_reply(struct conn *c)
{
    conn_set(c, CONN_CLOSE_AFTER_REPLY);
}

size_t conn_addr_text(const struct conn *c, const struct conn_addr *a, char *buf, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    int n;
    if (conn_has(c, CONN_UNIX)) {
        n = snprintf(buf, size, "%s:0", c->wkr->srv->unix_path);
    } else {
        if (a->family != 0)
            inet_ntop(a->family, a->ip, ip, sizeof ip);
        n = snprintf(buf, size, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
    }
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

bool conn_set_string(struct conn *c, char **field, const char *p, size_t n)
{
    char *copy = NULL;
    if (n > 0) {
        copy = malloc(n + 1);
        if (copy == NULL)
            return false;
        memcpy(copy, p, n);
        copy[n] = '\0';
    }
    struct clients *cl = &c->wkr->clients;
    lock_take(&cl->lock, LOCK_CLIENTS);
    char *old = *field;
    *field = copy;
    lock_release(&cl->lock, LOCK_CLIENTS);
    free(old);
    return true;
}
