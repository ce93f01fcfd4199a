/* A worker's life: its loop, its mail, its housekeeping.
 *
 * A loop turn: libevent calls the readable connections, which add to the batch; the first of them activates turn_ev,
 * which libevent then runs after them in the same turn, and that runs the batch. So requests of all connections that
 * were ready together are executed together, at the price of no system call. */
#include "server/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/batch.h"
#include "server/client_room.h"
#include "server/conn_private.h"
#include "server/mailbox.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/pubsub.h"
#include "server/purge.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/store_ctx.h"
#include "server/thread.h"
#include "slab/base/assert.h"
#include "slab/base/log.h"

enum { WORKER_MAGIC = 0x574b5231, TICK_MS = 100, ROUNDS_A_SECOND = 1000 / TICK_MS };

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    batch_run(w);
    w->turn_armed = false;
    stats_add(w->stats, STATS_LOOPS, 1);
    stats_add(w->stats, STATS_LOOP_NS, ticks_ns(&w->ticks, ticks_now(&w->ticks) - w->turn_ticks));
}

void worker_turn(struct worker *w)
{
    if (w->turn_armed)
        return;
    w->turn_armed = true;
    w->turn_ticks = ticks_now(&w->ticks);
    event_active(w->turn_ev, EV_TIMEOUT, 0);
}

static struct conn *find(struct worker *w, uint64_t id)
{
    for (struct conn *c = w->clients.first; c != NULL; c = c->next) {
        if (c->id == id)
            return c;
    }
    return NULL;
}

static void adopt(struct worker *w, const struct letter *l)
{
    if (conn_new(w, l->fd, (const struct conn_origin *)(const void *)l->data) != NULL)
        return;
    log_line(LOG_WARNING, "Error registering fd event for the new client: out of memory");
    close(l->fd);
    atomic_fetch_sub_explicit(&w->clients.count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->srv->nclients, 1, memory_order_relaxed);
}

static void tell_monitors(struct worker *w, const struct letter *l)
{
    for (struct conn *c = w->monitors, *next; c != NULL; c = next) {
        next = conn_io(c)->monitor_next;
        /* What is told cannot be slowed down: a monitor that reads too slowly for the memory at hand goes. */
        if (conn_must_wait(c))
            conn_close_over_limit(c);
        reply_bytes(&c->out, l->data, l->len);
        if (!conn_io(c)->in_batch)
            conn_finish(c);
    }
}

static void read_letter(struct worker *w, const struct letter *l)
{
    struct conn *c;
    switch (l->kind) {
    case LETTER_ADOPT:
        adopt(w, l);
        break;
    case LETTER_KILL:
        c = find(w, l->id);
        if (c != NULL)
            conn_drop(c);
        break;
    case LETTER_MONITOR:
        tell_monitors(w, l);
        break;
    case LETTER_MESSAGE:
        pubsub_receive(w, l);
        break;
    case LETTER_PURGED:
        purge_told(w, l);
        break;
    case LETTER_ACL:
        acl_catch_up(w);
        break;
    case LETTER_UNPAUSE:
        conn_unpark_all(w);
        break;
    case LETTER_DRAIN:
        conn_drain_all(w);
        break;
    case LETTER_STOP:
        batch_run(w);
        event_base_loopbreak(w->base);
        break;
    }
}

void worker_take_mail(struct worker *w, struct letter *first)
{
    struct letter **end = &w->letters;
    while (*end != NULL)
        end = &(*end)->next;
    *end = first;
}

/* A letter may have messages be read before their turn (UNSUBSCRIBE of a command that was parked), which takes them out
 * of the list, and more in. */
static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    worker_take_mail(w, mailbox_take(w->mail));
    for (struct letter *l; (l = w->letters) != NULL; free(l)) {
        w->letters = l->next;
        read_letter(w, l);
    }
    pubsub_flush(w);
}

/* What nobody will read any more: its threads have ended. */
static void drop_mail(struct letter *first)
{
    for (struct letter *l = first, *next; l != NULL; l = next) {
        next = l->next;
        if (l->kind == LETTER_MESSAGE)
            pubsub_forget(l);
        letter_discard(l);
    }
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_unpark_all(arg);
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_drain_more(arg);
}

/* Once a second: closes who was idle for too long, and who is over its soft output limit for too long; adds up what
 * those hold who have stopped sending in the middle of a value. */
static void check_clients(struct worker *w)
{
    int64_t timeout_ms = OPT(w->srv->opt, timeout) * 1000;
    size_t stalled = 0;
    for (struct conn *c = w->clients.first, *next; c != NULL; c = next) {
        next = c->next;
        if (c->soft_limit_since_ms != 0)
            conn_check_limits(c);
        stalled += client_room_stalled(c, w->now_ms);
        int64_t idle_ms = w->now_ms - atomic_load_explicit(&c->active_ms, memory_order_relaxed);
        if (timeout_ms > 0 && idle_ms > timeout_ms && !conn_has(c, CONN_MONITOR | CONN_PUBSUB | CONN_PAUSED)) {
            log_line(LOG_VERBOSE, "Closing idle client");
            conn_set(c, CONN_CLOSE_ASAP);
        }
        if (conn_has(c, CONN_CLOSE_ASAP))
            conn_drop(c);
    }
    atomic_store_explicit(&w->clients.stalled, stalled, memory_order_relaxed);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    w->now_ms = clock_wall_ms();
    store_ctx_turn(w->sx, w->now_ms);
    acl_catch_up(w);
    notify_publish(w->srv, w, w->sx); /* of what was evicted between commands */
    pubsub_flush(w);
    pubsub_resume(w);
    int64_t limit = options_maxmemory_clients(w->srv->opt);
    if (limit > 0) {
        size_t sum = 0;
        for (int i = 0; i < w->srv->nworkers; i++)
            sum += atomic_load_explicit(&w->srv->workers[i]->clients.memory_normal, memory_order_relaxed);
        if (sum + store_orphan_bytes(w->srv->store) > (size_t)limit)
            clients_evict(w->srv, (size_t)limit);
    }
    if (++w->rounds % ROUNDS_A_SECOND == 0)
        check_clients(w);
}

static struct event_base *loop_new(void)
{
    struct event_config *cfg = event_config_new();
    if (cfg == NULL)
        return NULL;
    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    return base;
}

static bool events_new(struct worker *w)
{
    struct timeval tick = {0, TICK_MS * 1000};
    w->base = loop_new();
    if (w->base == NULL)
        return false;
    w->turn_ev = event_new(w->base, -1, 0, on_turn, w);
    w->tick_ev = event_new(w->base, -1, EV_PERSIST, on_tick, w);
    w->mail_ev = event_new(w->base, mailbox_fd(w->mail), EV_READ | EV_PERSIST, on_mail, w);
    w->pause_ev = event_new(w->base, -1, 0, on_pause_over, w);
    w->drain_ev = event_new(w->base, -1, 0, on_drain, w);
    return w->turn_ev != NULL && w->tick_ev != NULL && w->mail_ev != NULL && w->pause_ev != NULL &&
           w->drain_ev != NULL && event_add(w->tick_ev, &tick) == 0 && event_add(w->mail_ev, NULL) == 0;
}

struct worker *worker_new(struct server *s, int index)
{
    struct worker *w = aligned_alloc(64, sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct worker){.magic = WORKER_MAGIC, .index = index, .srv = s, .ticks = s->ticks, .touch = true};
    w->now_ms = clock_wall_ms();
    w->stats = stats_worker(s->stats, (unsigned)index);
    w->sx = store_ctx_new(s->store);
    w->batch = batch_new();
    w->mail = mailbox_new();
    if (w->sx == NULL || w->batch == NULL || w->mail == NULL || !events_new(w)) {
        worker_free(w);
        return NULL;
    }
    return w;
}

static void *serve(void *arg)
{
    struct worker *w = arg;
    thread_short_slices();
    ASSERT(w->magic == WORKER_MAGIC);
    event_base_dispatch(w->base);
    return NULL;
}

int worker_run(struct worker *w)
{
    char name[16] = "worker ";
    size_t n = 7;
    if (w->index >= 100)
        name[n++] = (char)('0' + w->index / 100 % 10);
    if (w->index >= 10)
        name[n++] = (char)('0' + w->index / 10 % 10);
    name[n] = (char)('0' + w->index % 10);
    int why = thread_start(w->srv, &w->thread, name, serve, w);
    w->running = why == 0;
    return why;
}

bool worker_adopt(struct worker *w, int fd, const struct conn_origin *origin)
{
    struct letter *l = letter_new(LETTER_ADOPT, 0, sizeof *origin);
    if (l == NULL)
        return false;
    l->fd = fd;
    *(struct conn_origin *)(void *)l->data = *origin;
    atomic_fetch_add_explicit(&w->clients.count, 1, memory_order_relaxed);
    mailbox_post(w->mail, l);
    return true;
}

void worker_stop(struct worker *w)
{
    struct letter *l = NULL;
    if (w->running) {
        while ((l = letter_new(LETTER_STOP, 0, 0)) == NULL)
            usleep(1000);
        mailbox_post(w->mail, l);
        pthread_join(w->thread, NULL);
        w->running = false;
    }
    while (w->clients.first != NULL)
        conn_free(w->clients.first);
}

static void event_drop(struct event *ev)
{
    if (ev != NULL)
        event_free(ev);
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    event_drop(w->turn_ev);
    event_drop(w->tick_ev);
    event_drop(w->mail_ev);
    event_drop(w->pause_ev);
    event_drop(w->drain_ev);
    if (w->base != NULL)
        event_base_free(w->base);
    drop_mail(w->letters);
    if (w->mail != NULL)
        drop_mail(mailbox_take_now(w->mail));
    mailbox_free(w->mail);
    pubsub_worker_free(w);
    batch_free(w->batch);
    if (w->sx != NULL)
        store_ctx_free(w->sx);
    w->magic = 0;
    free(w);
}
