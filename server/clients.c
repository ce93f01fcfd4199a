/* The registry of connections: a list a worker, newest first.
 *
 * The owner adds and removes under the list's lock; others walk it under that lock, so a connection that they look at
 * stays. What they read of it are atomics, what is constant, and strings that change under the same lock. */
#include "server/clients.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/acl_user.h"
#include "server/command.h"
#include "server/conn.h"
#include "server/mailbox.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"

enum { NAME_SHOWN = 512 };

void clients_add(struct clients *c, struct conn *conn)
{
    lock_take(&c->lock, LOCK_CLIENTS);
    conn->prev = NULL;
    conn->next = c->first;
    if (c->first != NULL)
        c->first->prev = conn;
    c->first = conn;
    lock_release(&c->lock, LOCK_CLIENTS);
}

void clients_remove(struct clients *c, struct conn *conn)
{
    lock_take(&c->lock, LOCK_CLIENTS);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        c->first = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    lock_release(&c->lock, LOCK_CLIENTS);
}

void clients_walk(struct server *s, clients_each each, void *arg)
{
    bool go_on = true;
    for (int i = 0; i < s->nworkers && go_on; i++) {
        struct clients *c = &s->workers[i]->clients;
        lock_take(&c->lock, LOCK_CLIENTS);
        for (struct conn *conn = c->first; conn != NULL && go_on; conn = conn->next) {
            if (!conn_has(conn, CONN_KILLED))
                go_on = each(arg, conn);
        }
        lock_release(&c->lock, LOCK_CLIENTS);
    }
}

static bool add_totals(void *arg, struct conn *c)
{
    struct clients_totals *t = arg;
    size_t in = atomic_load_explicit(&c->input_room, memory_order_relaxed);
    size_t out = atomic_load_explicit(&c->output_bytes, memory_order_relaxed);
    size_t memory = conn_charge(c);
    t->connected++;
    t->blocked += conn_has(c, CONN_PAUSED);
    t->pubsub += conn_has(c, CONN_PUBSUB);
    t->monitors += conn_has(c, CONN_MONITOR);
    if (conn_has(c, CONN_PUBSUB))
        t->memory_pubsub += memory;
    else
        t->memory_normal += memory;
    t->max_input = t->max_input > in ? t->max_input : in;
    t->max_output = t->max_output > out ? t->max_output : out;
    return true;
}

void clients_totals(struct server *s, struct clients_totals *t)
{
    *t = (struct clients_totals){0};
    clients_walk(s, add_totals, t);
}

bool clients_kill(struct conn *conn)
{
    struct letter *l = letter_new(LETTER_KILL, conn->id, 0);
    if (l == NULL)
        return false;
    atomic_fetch_or_explicit(&conn->flags, CONN_KILLED, memory_order_relaxed);
    mailbox_post(conn->wkr->mail, l);
    return true;
}

/* The picture of the clients from which those are chosen that go: ids by weight. */
struct weights {
    struct weight {
        uint64_t id;
        size_t bytes;
    } * v;
    size_t n, cap, sum;
    clients_weigh weigh;
    void *arg;
};

static bool gather_weight(void *arg, struct conn *c)
{
    struct weights *s = arg;
    size_t bytes = s->weigh(s->arg, c);
    s->sum += bytes;
    if (bytes == 0 || conn_has(c, CONN_NO_EVICT))
        return true;
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 64 : s->cap * 2;
        struct weight *v = realloc(s->v, cap * sizeof *v);
        if (v == NULL)
            return false;
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = (struct weight){c->id, bytes};
    return true;
}

static int heavier_first(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

static int by_id(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id ? 1 : 0;
}

/* Those that go, ordered by id, and how many of them were told. */
struct leavers {
    const struct weight *v;
    size_t n;
    unsigned told;
    struct server *srv;
};

static bool cut_one(void *arg, struct conn *c)
{
    struct leavers *l = arg;
    struct weight key = {.id = c->id};
    if (bsearch(&key, l->v, l->n, sizeof *l->v, by_id) == NULL)
        return true;
    if (!clients_kill(c))
        return true;
    atomic_fetch_add(&l->srv->leaving, 1);
    atomic_fetch_or_explicit(&c->flags, CONN_CUT, memory_order_relaxed);
    l->told++;
    return true;
}

unsigned clients_cut(struct server *s, size_t above, size_t down_to, clients_weigh weigh, void *arg)
{
    struct weights all = {.weigh = weigh, .arg = arg};
    struct leavers go = {.srv = s};
    clients_walk(s, gather_weight, &all);
    if (all.sum > above && all.n > 0) {
        qsort(all.v, all.n, sizeof *all.v, heavier_first);
        while (go.n < all.n && all.sum > down_to)
            all.sum -= all.v[go.n++].bytes;
        qsort(all.v, go.n, sizeof *all.v, by_id);
        go.v = all.v;
        clients_walk(s, cut_one, &go);
    }
    free(all.v);
    return go.told;
}

static size_t charge(void *arg, struct conn *c)
{
    (void)arg;
    return conn_charge(c);
}

unsigned clients_evict(struct server *s, size_t limit)
{
    return clients_cut(s, limit, limit, charge, NULL);
}

static void flag_letters(const struct conn *c, char letters[16])
{
    static const struct {
        uint32_t flag;
        char letter;
    } table[] = {
        {CONN_MONITOR, 'O'},  {CONN_PUBSUB, 'P'},     {CONN_PAUSED, 'b'}, {CONN_CLOSE_AFTER_REPLY, 'c'},
        {CONN_MULTI, 'x'},    {CONN_CLOSE_ASAP, 'A'}, {CONN_UNIX, 'U'},   {CONN_NO_EVICT, 'e'},
        {CONN_NO_TOUCH, 'T'},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (conn_has(c, table[i].flag))
            letters[n++] = table[i].letter;
    }
    if (n == 0)
        letters[n++] = 'N';
    letters[n] = '\0';
}

#define SHARED(field) atomic_load_explicit(&c->field, memory_order_relaxed)

size_t clients_line(const struct conn *c, int64_t now_ms, char *buf, size_t size)
{
    char peer[CONN_ADDR_CHARS], local[CONN_ADDR_CHARS], letters[16];
    conn_addr_text(c, &c->peer, peer, sizeof peer);
    conn_addr_text(c, &c->local, local, sizeof local);
    flag_letters(c, letters);
    const struct command *cmd = SHARED(cmd);
    int64_t idle_ms = now_ms - SHARED(active_ms), age_ms = now_ms - c->created_ms;
    unsigned long long in = SHARED(input_bytes), room = SHARED(input_room), out = SHARED(output_bytes);
    int n = snprintf(
        buf, size,
        "id=%llu addr=%s laddr=%s fd=%d name=%.*s age=%lld idle=%lld flags=%s db=%d sub=%u psub=%u ssub=%u multi=%d "
        "qbuf=%llu qbuf-free=%llu argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=%d omem=%llu tot-mem=%llu events=%s "
        "cmd=%s user=%.*s redir=-1 resp=%d lib-name=%.*s lib-ver=%.*s",
        (unsigned long long)c->id, peer, local, c->fd, NAME_SHOWN, c->name == NULL ? "" : c->name,
        (long long)(age_ms < 0 ? 0 : age_ms / 1000), (long long)(idle_ms < 0 ? 0 : idle_ms / 1000), letters, SHARED(db),
        SHARED(subscribed[TOPIC_CHANNEL]), SHARED(subscribed[TOPIC_PATTERN]), SHARED(subscribed[TOPIC_SHARD]),
        SHARED(queued), in, room > in ? room - in : 0, out > 0, out,
        (unsigned long long)conn_charge((struct conn *)(uintptr_t)c), conn_has(c, CONN_WANTS_WRITE) ? "rw" : "r",
        cmd == NULL ? "NULL" : cmd->name, NAME_SHOWN, c->user->name, SHARED(resp), NAME_SHOWN,
        c->lib_name == NULL ? "" : c->lib_name, NAME_SHOWN, c->lib_ver == NULL ? "" : c->lib_ver);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
