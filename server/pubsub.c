/* See pubsub.h: who listens to what. What is told is in pubsub_message.c. */
#include "server/pubsub.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "protocol/glob.h"
#include "server/conn_private.h"
#include "server/pubsub_private.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"

enum { CHAINS_FIRST = 4, DRAINS_MAX = 16 };

static void patterns_drop(struct patterns *v)
{
    if (v != NULL && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        free(v);
}

struct pubsub *pubsub_new(int nworkers)
{
    struct pubsub *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->nworkers = nworkers;
    if (getrandom(&p->secret, sizeof p->secret, 0) != (ssize_t)sizeof p->secret)
        p->secret = hash_secret_of(clock_mono_ns(), (uint64_t)(uintptr_t)p);
    return p;
}

void pubsub_free(struct pubsub *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i <= BUCKETS; i++) {
        ASSERT(p->bucket[i].n == 0);
        free(p->bucket[i].chain);
    }
    patterns_drop(p->current);
    patterns_drop(p->memories);
    free(p);
}

/* ---- topics ------------------------------------------------------------------------------------------------------ */

uint64_t topic_hash(const struct pubsub *p, enum topic_kind kind, const char *name, size_t n)
{
    return hash_bytes(&p->secret, name, n, (uint64_t)kind);
}

struct bucket *topic_bucket(struct pubsub *p, enum topic_kind kind, uint64_t hash)
{
    return &p->bucket[kind == TOPIC_PATTERN ? BUCKETS : hash % BUCKETS];
}

static struct topic **chain_of(const struct bucket *b, uint64_t hash)
{
    return &b->chain[hash >> 32 & (b->cap - 1)];
}

struct topic *topic_find(const struct bucket *b, enum topic_kind kind, uint64_t hash, const char *name, size_t n)
{
    if (b->n == 0)
        return NULL;
    struct topic *t = *chain_of(b, hash);
    while (t != NULL && (t->hash != hash || t->kind != kind || t->len != n || memcmp(t->name, name, n) != 0))
        t = t->next;
    return t;
}

/* Twice the chains, when there are as many topics; false: it has none and memory is short. Bucket locked. */
static bool bucket_grow(struct bucket *b)
{
    if (b->n < b->cap)
        return true;
    struct bucket old = {.cap = b->cap, .chain = b->chain};
    uint32_t cap = b->cap == 0 ? CHAINS_FIRST : b->cap * 2;
    struct topic **chain = calloc(cap, sizeof(struct topic *));
    if (chain == NULL)
        return b->cap > 0;
    b->chain = chain;
    b->cap = cap;
    for (uint32_t i = 0; i < old.cap; i++)
        for (struct topic *t = old.chain[i], *next; t != NULL; t = next) {
            struct topic **at = chain_of(b, t->hash);
            next = t->next;
            t->next = *at;
            *at = t;
        }
    free(old.chain);
    return true;
}

/* Bucket locked. NULL: memory is short. */
static struct topic *topic_make(struct pubsub *p, struct bucket *b, enum topic_kind kind, uint64_t hash,
                                const char *name, size_t n)
{
    size_t fixed = sizeof(struct topic) + (size_t)p->nworkers * sizeof(struct here);
    struct topic *t = bucket_grow(b) ? calloc(1, fixed + n) : NULL;
    if (t == NULL)
        return NULL;
    struct topic **at = chain_of(b, hash);
    *t = (struct topic){.next = *at, .hash = hash, .kind = kind, .len = n, .name = (char *)t + fixed};
    memcpy(t->name, name, n);
    *at = t;
    b->n++;
    atomic_fetch_add_explicit(&p->topics[kind], 1, memory_order_relaxed);
    return t;
}

/* One that names it less. Bucket locked. */
static void topic_release(struct pubsub *p, struct bucket *b, struct topic *t)
{
    if (--t->names > 0)
        return;
    struct topic **at = chain_of(b, t->hash);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    b->n--;
    atomic_fetch_sub_explicit(&p->topics[t->kind], 1, memory_order_relaxed);
    free(t);
}

static uint64_t subscribers(const struct pubsub *p, const struct topic *t)
{
    uint64_t sum = 0;
    for (int i = 0; t != NULL && i < p->nworkers; i++)
        sum += t->here[i].n;
    return sum;
}

/* Bucket locked. Returns how many changes there were, this one counted. */
static uint64_t changed(struct bucket *b)
{
    return atomic_fetch_add_explicit(&b->changes, 1, memory_order_release) + 1;
}

/* ---- all patterns ------------------------------------------------------------------------------------------------ */

static void pattern_fill(const struct pubsub *p, struct pattern *to, struct topic *t, char *name)
{
    *to = (struct pattern){.topic = t, .name = name, .len = t->len, .subscribers = subscribers(p, t)};
    memcpy(name, t->name, t->len);
    for (int i = 0; i < p->nworkers; i++)
        if (t->here[i].n > 0)
            to->workers[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Bucket of patterns locked; NULL: memory is short. */
static struct patterns *patterns_make(const struct pubsub *p, const struct bucket *b)
{
    size_t bytes = 0, n = 0;
    for (uint32_t i = 0; i < b->cap; i++)
        for (const struct topic *t = b->chain[i]; t != NULL; t = t->next)
            bytes += t->len;
    struct patterns *v = malloc(sizeof *v + b->n * sizeof v->v[0] + bytes);
    if (v == NULL)
        return NULL;
    char *name = (char *)&v->v[b->n];
    for (uint32_t i = 0; i < b->cap; i++)
        for (struct topic *t = b->chain[i]; t != NULL; name += t->len, t = t->next)
            pattern_fill(p, &v->v[n++], t, name);
    v->n = n;
    v->changes = atomic_load_explicit(&b->changes, memory_order_relaxed);
    atomic_init(&v->refs, 1);
    return v;
}

struct patterns *patterns_now(struct pubsub *p, struct patterns **mine)
{
    struct bucket *b = &p->bucket[BUCKETS];
    if (*mine != NULL && (*mine)->changes == atomic_load_explicit(&b->changes, memory_order_acquire))
        return *mine;
    struct patterns *old = *mine, *stale = NULL;
    lock_take(&b->lock, LOCK_TOPICS);
    if (p->current == NULL || p->current->changes != atomic_load_explicit(&b->changes, memory_order_relaxed)) {
        stale = p->current;
        p->current = patterns_make(p, b);
    }
    *mine = p->current;
    if (*mine != NULL)
        atomic_fetch_add_explicit(&(*mine)->refs, 1, memory_order_relaxed);
    lock_release(&b->lock, LOCK_TOPICS);
    patterns_drop(stale);
    patterns_drop(old);
    return *mine;
}

void pubsub_worker_free(struct worker *w)
{
    patterns_drop(w->patterns);
    w->patterns = NULL;
}

/* ---- subscriptions ----------------------------------------------------------------------------------------------- */

/* The connection's subscription, NULL: it has none. Looked for in the shorter one of two lists: what the connection is
 * subscribed to, or who of its worker is to the topic. */
static struct sub *sub_find(const struct conn *c, enum topic_kind kind, const char *name, size_t n)
{
    const struct subs *mine = conn_io((struct conn *)(uintptr_t)c)->subs;
    struct pubsub *p = c->wkr->srv->pubsub;
    if (mine == NULL || mine->first[kind] == NULL)
        return NULL;
    uint64_t hash = topic_hash(p, kind, name, n);
    struct bucket *b = topic_bucket(p, kind, hash);
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, kind, hash, name, n);
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
    uint64_t hash = topic_hash(p, kind, name, n), since = 0;
    struct bucket *b = topic_bucket(p, kind, hash);
    lock_take(&b->lock, LOCK_TOPICS);
    struct topic *t = topic_find(b, kind, hash, name, n);
    if (t == NULL)
        t = topic_make(p, b, kind, hash, name, n);
    if (t != NULL) {
        t->names++;
        t->here[c->wkr->index].n++;
        since = changed(b);
    }
    lock_release(&b->lock, LOCK_TOPICS);
    if (t == NULL) {
        free(s);
        return false;
    }
    struct here *here = &t->here[c->wkr->index];
    *s = (struct sub){.conn = c, .topic = t, .since = since, .next = here->first, .mine_next = io->subs->first[kind]};
    if (s->next != NULL)
        s->next->prev = s;
    if (s->mine_next != NULL)
        s->mine_next->mine_prev = s;
    here->first = s;
    io->subs->first[kind] = s;
    count(c, kind, 1);
    return true;
}

/* Ends a subscription; its topic is still named, until sub_free. `polite`: what was told before is delivered first. It
 * lies in the worker's mailbox, where nobody puts anything for this topic while its bucket is locked; of a pattern,
 * somebody may who counted it just before. */
static void sub_leave(struct sub *s, bool polite)
{
    struct conn *c = s->conn;
    struct worker *w = c->wkr;
    struct topic *t = s->topic;
    struct bucket *b = topic_bucket(w->srv->pubsub, t->kind, t->hash);
    for (int i = 0;; i++) {
        lock_take(&b->lock, LOCK_TOPICS);
        if (!polite || i == DRAINS_MAX || atomic_load_explicit(&w->backlog, memory_order_relaxed) == 0)
            break;
        lock_release(&b->lock, LOCK_TOPICS);
        pubsub_read_mail(w);
    }
    t->here[w->index].n--;
    changed(b);
    lock_release(&b->lock, LOCK_TOPICS);
    *(s->prev != NULL ? &s->prev->next : &t->here[w->index].first) = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    *(s->mine_prev != NULL ? &s->mine_prev->mine_next : &conn_io(c)->subs->first[t->kind]) = s->mine_next;
    if (s->mine_next != NULL)
        s->mine_next->mine_prev = s->mine_prev;
    count(c, t->kind, -1);
}

static void sub_free(struct sub *s)
{
    struct pubsub *p = s->conn->wkr->srv->pubsub;
    struct bucket *b = topic_bucket(p, s->topic->kind, s->topic->hash);
    lock_take(&b->lock, LOCK_TOPICS);
    topic_release(p, b, s->topic);
    lock_release(&b->lock, LOCK_TOPICS);
    free(s);
}

bool pubsub_unsubscribe(struct conn *c, enum topic_kind kind, const char *name, size_t n)
{
    struct sub *s = sub_find(c, kind, name, n);
    if (s == NULL)
        return false;
    sub_leave(s, true);
    sub_free(s);
    return true;
}

bool pubsub_unsubscribe_any(struct conn *c, enum topic_kind kind, void (*each)(void *arg, const char *name, size_t n),
                            void *arg)
{
    struct conn_io *io = conn_io(c);
    struct sub *s = io->subs == NULL ? NULL : io->subs->first[kind];
    if (s == NULL)
        return false;
    sub_leave(s, true);
    each(arg, s->topic->name, s->topic->len);
    sub_free(s);
    return true;
}

bool pubsub_each(const struct conn *c, enum topic_kind kind, bool (*each)(void *arg, const char *name, size_t n),
                 void *arg)
{
    const struct subs *mine = conn_io((struct conn *)(uintptr_t)c)->subs;
    const struct sub *s = mine == NULL ? NULL : mine->first[kind];
    while (s != NULL && each(arg, s->topic->name, s->topic->len))
        s = s->mine_next;
    return s == NULL;
}

void pubsub_drop(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    for (int k = 0; io->subs != NULL && k < TOPIC_KINDS; k++)
        for (struct sub *s = io->subs->first[k], *next; s != NULL; s = next) {
            next = s->mine_next;
            sub_leave(s, false);
            sub_free(s);
        }
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

/* ---- questions --------------------------------------------------------------------------------------------------- */

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

uint64_t pubsub_topics(struct pubsub *p, enum topic_kind kind)
{
    return atomic_load_explicit(&p->topics[kind], memory_order_relaxed);
}

uint64_t pubsub_subscribers(struct pubsub *p, enum topic_kind kind, const char *name, size_t n)
{
    uint64_t hash = topic_hash(p, kind, name, n);
    struct bucket *b = topic_bucket(p, kind, hash);
    lock_take(&b->lock, LOCK_TOPICS);
    uint64_t total = subscribers(p, topic_find(b, kind, hash, name, n));
    lock_release(&b->lock, LOCK_TOPICS);
    return total;
}

static size_t list_bucket(struct bucket *b, enum topic_kind kind, const char *pattern, size_t n, struct reply *out)
{
    size_t found = 0;
    lock_take(&b->lock, LOCK_TOPICS);
    for (uint32_t i = 0; i < b->cap; i++)
        for (const struct topic *t = b->chain[i]; t != NULL; t = t->next) {
            if (t->kind != kind || (pattern != NULL && !glob_match(pattern, n, t->name, t->len, false)))
                continue;
            reply_bulk(out, t->name, t->len);
            found++;
        }
    lock_release(&b->lock, LOCK_TOPICS);
    return found;
}

void pubsub_list(struct pubsub *p, enum topic_kind kind, const char *pattern, size_t n, struct reply *out)
{
    reply_mark mark = reply_defer(out);
    size_t found = 0;
    for (int i = 0; i < BUCKETS; i++)
        found += list_bucket(&p->bucket[i], kind, pattern, n, out);
    reply_defer_array(out, mark, found);
}
