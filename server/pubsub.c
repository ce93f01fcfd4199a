/* See pubsub.h. A topic lives as long as it has a subscriber anywhere, so a worker that has one of its own may use it
 * without the bucket's lock. */
#include "server/pubsub.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/glob.h"
#include "server/conn_private.h"
#include "server/mailbox.h"
#include "server/options.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/lock.h"

/* Messages wait for a worker up to 16 MB, or a 64th of maxmemory, before who publishes is not read. */
enum { BUCKETS = 1024, BACKLOG_MAX = 16 << 20, BACKLOG_SHARE = 64 };

/* A connection's subscription to a topic: in two lists of its worker's. */
struct sub {
    struct conn *conn;
    struct topic *topic;
    struct sub *prev, *next;           /* of the topic */
    struct sub *mine_prev, *mine_next; /* of the connection */
};

struct topic {
    struct topic *next; /* in its bucket; the bucket's lock, as what follows */
    enum topic_kind kind;
    uint64_t total;
    size_t len;
    char *name; /* constant */
    struct here {
        uint32_t n;
        struct sub *first; /* the worker's own */
    } here[];
};

struct bucket {
    struct lock lock;
    struct topic *first;
};

/* The last bucket is that of all patterns. */
struct pubsub {
    int nworkers;
    _Atomic uint64_t topics[TOPIC_KINDS];
    struct bucket bucket[BUCKETS + 1];
};

/* A connection's subscriptions. */
struct subs {
    struct sub *first[TOPIC_KINDS];
};

struct pubsub *pubsub_new(int nworkers)
{
    struct pubsub *p = calloc(1, sizeof *p);
    if (p != NULL)
        p->nworkers = nworkers;
    return p;
}

void pubsub_free(struct pubsub *p)
{
    for (int i = 0; p != NULL && i <= BUCKETS; i++)
        ASSERT(p->bucket[i].first == NULL);
    free(p);
}

/* FNV-1a: who makes names collide shares a lock with himself, no more. */
static struct bucket *bucket_of(struct pubsub *p, enum topic_kind kind, const char *name, size_t n)
{
    uint32_t h = 2166136261u + (uint32_t)kind;
    if (kind == TOPIC_PATTERN)
        return &p->bucket[BUCKETS];
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return &p->bucket[(h ^ h >> 16) % BUCKETS];
}

/* Bucket locked. */
static struct topic *topic_find(const struct bucket *b, enum topic_kind kind, const char *name, size_t n)
{
    struct topic *t = b->first;
    while (t != NULL && (t->kind != kind || t->len != n || memcmp(t->name, name, n) != 0))
        t = t->next;
    return t;
}

/* Bucket locked. NULL: memory is short. */
static struct topic *topic_make(struct pubsub *p, struct bucket *b, enum topic_kind kind, const char *name, size_t n)
{
    size_t fixed = sizeof(struct topic) + (size_t)p->nworkers * sizeof(struct here);
    struct topic *t = calloc(1, fixed + n);
    if (t == NULL)
        return NULL;
    t->kind = kind;
    t->len = n;
    t->name = (char *)t + fixed;
    memcpy(t->name, name, n);
    t->next = b->first;
    b->first = t;
    atomic_fetch_add_explicit(&p->topics[kind], 1, memory_order_relaxed);
    return t;
}

/* The connection's subscription, NULL: it has none. Looked for in the shorter one of two lists: what the connection is
 * subscribed to, or who of its worker is to the topic. */
static struct sub *sub_find(const struct conn *c, enum topic_kind kind, const char *name, size_t n)
{
    const struct subs *mine = conn_io((struct conn *)(uintptr_t)c)->subs;
    struct bucket *b = bucket_of(c->wkr->srv->pubsub, kind, name, n);
    if (mine == NULL || mine->first[kind] == NULL)
        return NULL;
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, kind, name, n);
    uint32_t here = t == NULL ? 0 : t->here[c->wkr->index].n;
    lock_release(&b->lock, LOCK_TOPICS);
    if (here == 0)
        return NULL;
    bool by_topic = here < pubsub_count(c, kind);
    struct sub *s = by_topic ? t->here[c->wkr->index].first : mine->first[kind];
    while (s != NULL && (by_topic ? s->conn != c : s->topic != t))
        s = by_topic ? s->next : s->mine_next;
    return s;
}

static void count(struct conn *c, enum topic_kind kind, int by)
{
    atomic_fetch_add_explicit(&c->subscribed[kind], (uint32_t)by, memory_order_relaxed);
    uint32_t all = 0;
    for (int k = 0; k < TOPIC_KINDS; k++)
        all += pubsub_count(c, (enum topic_kind)k);
    if (all == 0)
        conn_clear(c, CONN_PUBSUB);
    else if (!conn_has(c, CONN_PUBSUB))
        conn_set(c, CONN_PUBSUB);
}

bool pubsub_subscribe(struct conn *c, enum topic_kind kind, const char *name, size_t n)
{
    struct pubsub *p = c->wkr->srv->pubsub;
    struct conn_io *io = conn_io(c);
    if (sub_find(c, kind, name, n) != NULL)
        return true;
    if (io->subs == NULL && (io->subs = calloc(1, sizeof *io->subs)) == NULL)
        return false;
    struct sub *s = calloc(1, sizeof *s);
    if (s == NULL)
        return false;
    struct bucket *b = bucket_of(p, kind, name, n);
    lock_take(&b->lock, LOCK_TOPICS);
    struct topic *t = topic_find(b, kind, name, n);
    if (t == NULL)
        t = topic_make(p, b, kind, name, n);
    if (t != NULL) {
        t->total++;
        t->here[c->wkr->index].n++;
    }
    lock_release(&b->lock, LOCK_TOPICS);
    if (t == NULL) {
        free(s);
        return false;
    }
    struct here *here = &t->here[c->wkr->index];
    *s = (struct sub){.conn = c, .topic = t, .next = here->first, .mine_next = io->subs->first[kind]};
    if (s->next != NULL)
        s->next->prev = s;
    if (s->mine_next != NULL)
        s->mine_next->mine_prev = s;
    here->first = s;
    io->subs->first[kind] = s;
    count(c, kind, 1);
    return true;
}

static void sub_drop(struct sub *s)
{
    struct conn *c = s->conn;
    struct topic *t = s->topic;
    struct pubsub *p = c->wkr->srv->pubsub;
    enum topic_kind kind = t->kind;
    struct bucket *b = bucket_of(p, kind, t->name, t->len);
    *(s->prev != NULL ? &s->prev->next : &t->here[c->wkr->index].first) = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    *(s->mine_prev != NULL ? &s->mine_prev->mine_next : &conn_io(c)->subs->first[kind]) = s->mine_next;
    if (s->mine_next != NULL)
        s->mine_next->mine_prev = s->mine_prev;
    free(s);
    lock_take(&b->lock, LOCK_TOPICS);
    t->here[c->wkr->index].n--;
    if (--t->total == 0) {
        struct topic **at = &b->first;
        while (*at != t)
            at = &(*at)->next;
        *at = t->next;
        free(t);
        atomic_fetch_sub_explicit(&p->topics[kind], 1, memory_order_relaxed);
    }
    lock_release(&b->lock, LOCK_TOPICS);
    count(c, kind, -1);
}

bool pubsub_unsubscribe(struct conn *c, enum topic_kind kind, const char *name, size_t n)
{
    struct sub *s = sub_find(c, kind, name, n);
    if (s != NULL)
        sub_drop(s);
    return s != NULL;
}

bool pubsub_unsubscribe_any(struct conn *c, enum topic_kind kind, void (*each)(void *arg, const char *name, size_t n),
                            void *arg)
{
    struct conn_io *io = conn_io(c);
    struct sub *s = io->subs == NULL ? NULL : io->subs->first[kind];
    if (s == NULL)
        return false;
    char *name = s->topic->name;
    size_t n = s->topic->len;
    /* the topic may go with the subscription, and the reply counts without it */
    char *copy = malloc(n + 1);
    if (copy != NULL)
        memcpy(copy, name, n);
    sub_drop(s);
    each(arg, copy == NULL ? "" : copy, copy == NULL ? 0 : n);
    free(copy);
    return true;
}

void pubsub_drop(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    for (int k = 0; io->subs != NULL && k < TOPIC_KINDS; k++)
        while (io->subs->first[k] != NULL)
            sub_drop(io->subs->first[k]);
    free(io->subs);
    io->subs = NULL;
    if (io->in_delivered) {
        struct conn **at = &c->wkr->delivered;
        while (*at != c)
            at = &conn_io(*at)->delivered_next;
        *at = io->delivered_next;
        io->in_delivered = false;
    }
}

uint32_t pubsub_count(const struct conn *c, enum topic_kind kind)
{
    return atomic_load_explicit(&c->subscribed[kind], memory_order_relaxed);
}

size_t pubsub_memory(const struct conn *c)
{
    size_t n = 0;
    for (int k = 0; k < TOPIC_KINDS; k++)
        n += pubsub_count(c, (enum topic_kind)k);
    return n * sizeof(struct sub) + (n > 0 ? sizeof(struct subs) : 0);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

struct message {
    const char *name, *text;
    size_t name_len, text_len;
};

/* To be sent when the batch, or the mail, is done. */
static void delivered(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (reply_memory(&c->out) > CONN_SENT_NOW) { /* not so much of it at once */
        conn_send(c);
        conn_check_limits(c);
        if (conn_must_wait(c)) /* what is told cannot be slowed down */
            conn_close_over_limit(c);
    }
    if (io->in_delivered)
        return;
    io->in_delivered = true;
    io->delivered_next = c->wkr->delivered;
    c->wkr->delivered = c;
}

static void deliver(struct worker *w, const struct topic *t, const struct message *m)
{
    static const char *const what[TOPIC_KINDS] = {"message", "pmessage", "smessage"};
    for (const struct sub *s = t->here[w->index].first; s != NULL; s = s->next) {
        struct reply *out = &s->conn->out;
        if (conn_has(s->conn, CONN_CLOSE_ASAP | CONN_CLOSE_AFTER_REPLY | CONN_KILLED))
            continue;
        uint8_t muted = out->muted;
        out->muted = 0; /* CLIENT REPLY is about replies */
        reply_push(out, t->kind == TOPIC_PATTERN ? 4 : 3);
        reply_cstr(out, what[t->kind]);
        if (t->kind == TOPIC_PATTERN)
            reply_bulk(out, t->name, t->len);
        reply_bulk(out, m->name, m->name_len);
        reply_bulk(out, m->text, m->text_len);
        out->muted = muted;
        delivered(s->conn);
    }
}

/* The worker's topics that the message is for: at most one channel, and patterns. Those that it has a subscriber of
 * stay while it looks at them. */
static void deliver_here(struct worker *w, enum topic_kind kind, const struct message *m)
{
    struct pubsub *p = w->srv->pubsub;
    struct bucket *b = bucket_of(p, kind, m->name, m->name_len);
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, kind, m->name, m->name_len);
    bool mine = t != NULL && t->here[w->index].n > 0;
    lock_release(&b->lock, LOCK_TOPICS);
    if (mine)
        deliver(w, t, m);
    if (kind != TOPIC_CHANNEL || pubsub_topics(p, TOPIC_PATTERN) == 0)
        return;
    b = &p->bucket[BUCKETS];
    lock_take(&b->lock, LOCK_TOPICS);
    for (t = b->first; t != NULL; t = t->next)
        if (t->here[w->index].n > 0 && glob_match(t->name, t->len, m->name, m->name_len, false))
            deliver(w, t, m);
    lock_release(&b->lock, LOCK_TOPICS);
}

/* Adds the topic's subscribers, and marks the workers that have some. Bucket locked. */
static uint64_t receivers(const struct pubsub *p, const struct topic *t, bool *workers)
{
    for (int i = 0; i < p->nworkers; i++)
        workers[i] = workers[i] || t->here[i].n > 0;
    return t->total;
}

static uint64_t find_receivers(struct pubsub *p, enum topic_kind kind, const char *name, size_t n, bool *workers)
{
    struct bucket *b = bucket_of(p, kind, name, n);
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, kind, name, n);
    uint64_t sum = t == NULL ? 0 : receivers(p, t, workers);
    lock_release(&b->lock, LOCK_TOPICS);
    if (kind != TOPIC_CHANNEL || pubsub_topics(p, TOPIC_PATTERN) == 0)
        return sum;
    b = &p->bucket[BUCKETS];
    lock_take(&b->lock, LOCK_TOPICS);
    for (t = b->first; t != NULL; t = t->next)
        if (glob_match(t->name, t->len, name, n, false))
            sum += receivers(p, t, workers);
    lock_release(&b->lock, LOCK_TOPICS);
    return sum;
}

uint64_t pubsub_publish(struct server *s, struct worker *w, enum topic_kind kind, const char *name, size_t n,
                        const char *message, size_t len)
{
    bool workers[WORKERS_MAX] = {false};
    int own = w == NULL ? -1 : w->index;
    uint64_t sum = find_receivers(s->pubsub, kind, name, n, workers);
    if (sum == 0)
        return 0;
    for (int i = 0; i < s->nworkers; i++) {
        struct letter *l = !workers[i] || i == own ? NULL : letter_new(LETTER_MESSAGE, n, n + len);
        if (l == NULL)
            continue; /* not its; or memory is short, and the message is lost there, as pub/sub may lose any */
        l->fd = (int)kind;
        memcpy(l->data, name, n);
        memcpy(l->data + n, message, len);
        atomic_fetch_add_explicit(&s->workers[i]->backlog, l->len, memory_order_relaxed);
        mailbox_post(s->workers[i]->mail, l);
    }
    if (w != NULL && workers[own])
        deliver_here(w, kind, &(struct message){name, message, n, len});
    return sum;
}

void pubsub_receive(struct worker *w, const struct letter *l)
{
    size_t n = (size_t)l->id;
    deliver_here(w, (enum topic_kind)l->fd, &(struct message){l->data, l->data + n, n, l->len - n});
    atomic_fetch_sub_explicit(&w->backlog, l->len, memory_order_relaxed);
}

bool pubsub_congested(const struct server *s)
{
    size_t limit = (size_t)OPT(s->opt, maxmemory) / BACKLOG_SHARE;
    if (limit == 0 || limit > BACKLOG_MAX)
        limit = BACKLOG_MAX;
    for (int i = 0; i < s->nworkers; i++)
        if (atomic_load_explicit(&s->workers[i]->backlog, memory_order_relaxed) > limit)
            return true;
    return false;
}

void pubsub_resume(struct worker *w)
{
    if (!w->publishers_wait || pubsub_congested(w->srv))
        return;
    w->publishers_wait = false;
    for (struct conn *c = w->clients.first, *next; c != NULL; c = next) {
        next = c->next;
        if (!conn_has(c, CONN_PUBLISHER))
            continue;
        conn_clear(c, CONN_PUBLISHER);
        if (!conn_io(c)->in_batch)
            conn_finish(c);
    }
}

void pubsub_flush(struct worker *w)
{
    while (w->delivered != NULL) {
        struct conn *c = w->delivered;
        struct conn_io *io = conn_io(c);
        w->delivered = io->delivered_next;
        io->in_delivered = false;
        if (!io->in_batch)
            conn_finish(c);
    }
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

uint64_t pubsub_topics(struct pubsub *p, enum topic_kind kind)
{
    return atomic_load_explicit(&p->topics[kind], memory_order_relaxed);
}

uint64_t pubsub_subscribers(struct pubsub *p, enum topic_kind kind, const char *name, size_t n)
{
    struct bucket *b = bucket_of(p, kind, name, n);
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, kind, name, n);
    uint64_t total = t == NULL ? 0 : t->total;
    lock_release(&b->lock, LOCK_TOPICS);
    return total;
}

void pubsub_list(struct pubsub *p, enum topic_kind kind, const char *pattern, size_t n, struct reply *out)
{
    reply_mark mark = reply_defer(out);
    size_t found = 0;
    for (int i = 0; i < BUCKETS; i++) {
        struct bucket *b = &p->bucket[i];
        lock_take(&b->lock, LOCK_TOPICS);
        for (const struct topic *t = b->first; t != NULL; t = t->next) {
            if (t->kind != kind || (pattern != NULL && !glob_match(pattern, n, t->name, t->len, false)))
                continue;
            reply_bulk(out, t->name, t->len);
            found++;
        }
        lock_release(&b->lock, LOCK_TOPICS);
    }
    reply_defer_array(out, mark, found);
}
