/* See quick.h. What is done here once for a run of commands, dispatch_run does for each: when something there is to be
 * looked at before a command may run, dispatch_is_plain has to know of it. */
#include "server/quick.h"

#include <assert.h>

#include "protocol/reply_inline.h"
#include "protocol/resp_quick.h"
#include "server/batch.h"
#include "server/command_table_private.h"
#include "server/conn_private.h"
#include "server/evict.h"
#include "server/index_find.h"
#include "server/quick_put.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/worker.h"

/* A command this slow or slower is wanted to be known by name: then each has a reading of the clock of its own. */
enum { EXACT_NS = 100000 };

/* A SET of a value longer than this may take pages, and ends its run. */
enum { SHORT_VALUE = 1024 };

static_assert((int)CHUNK_MAX < 100000, "the head of a reply of a value in one chunk fits struct value_head");

/* ---- from the bytes into the batch ------------------------------------------------------------------------------- */

/* How many requests the batch has room for; 0 where it must grow first, which resp_parse and batch_add do. */
static size_t room(struct batch *b, uint32_t mean)
{
    size_t n = BATCH_REQUESTS - b->nreq, args = (b->args.cap - b->args.n) / 3;
    size_t replies = b->expected < BATCH_REPLIES ? (BATCH_REPLIES - b->expected) / (mean > 0 ? mean : 1) + 1 : 0;
    n = args < n ? args : n;
    n = replies < n ? replies : n;
    return keys_room(&b->keys, n) == NULL ? 0 : n;
}

size_t quick_parse(struct worker *w, struct conn *c, const char *buf, size_t len, size_t value_max, bool *full)
{
    struct batch *b = w->batch;
    const struct store *s = w->srv->store;
    const char *p = buf, *end = buf + len;
    const uint16_t db = store_db(s, conn_db(c));
    const uint32_t mean = conn_io(c)->reply_mean;
    const size_t most = room(b, mean);
    struct request *r = b->req + b->nreq;
    struct skey *k = b->keys.v + b->keys.n;
    size_t n = 0, args = b->args.n;
    uint32_t key = (uint32_t)b->keys.n, argc;
    for (const char *behind; n < most; n++, p = behind) {
        struct arg *v = b->args.v + args;
        behind = resp_quick(p, end, value_max, v, &argc);
        if (behind == NULL)
            break;
        uint64_t hash = hash_bytes(&s->secret, v[1].p, v[1].len, db);
        __builtin_prefetch(shard_of(s, hash));
        *k++ = (struct skey){.p = v[1].p, .len = (uint16_t)v[1].len, .db = db, .hash = hash};
        r->cmd = argc == 2 ? &row_get : &row_set; /* one by one: what lies between is not cleared */
        r->first = (uint32_t)args;
        r->argc = argc;
        r->key = key++;
        r->nkeys = 1;
        r->fault = REQUEST_FINE;
        r->has_big = false;
        r->quick = true;
        r++;
        args += argc;
    }
    b->nreq += (uint32_t)n;
    b->group[b->ngroups - 1].n += (uint32_t)n;
    b->keys.n += n;
    b->args.n = args;
    b->expected += n * mean;
    *full = batch_is_full(b);
    return (size_t)(p - buf);
}

/* ---- executing --------------------------------------------------------------------------------------------------- */

/* What is the same for the commands of a run, and what they add up to. */
struct run {
    struct store_ctx *sx;
    struct reply *out;
    int policy; /* of eviction */
    bool touch;
    uint32_t hits, misses, sets;
    struct value_head {
        size_t len; /* of the value whose head this is: many have the same */
        uint32_t size;
        char bytes[16];
    } head;
};

/* The key's slot if what is there is a flat item without expiry. NULL: it is not; *absent then says that the key is
 * certainly not there. Shard locked. */
static inline slot_t *find_plain(const struct store *s, struct shard *sh, const struct skey *k, bool *absent)
{
    struct index_place place;
    slot_t *slot = index_seen(sh, k);
    if (UNLIKELY(slot == NULL))
        slot = index_seek(s, sh, k, &place) ? &place.t.slots[place.at] : NULL;
    *absent = slot == NULL || !slot_has_tag(*slot, hash_tag(k->hash));
    if (UNLIKELY(*absent))
        return NULL;
    const struct item *it = slab_ptr(&s->slab, slot_ref(*slot));
    if (UNLIKELY(((item_head(it) ^ item_plain_head(k)) & ~ITEM_PLAIN_ANY) != 0 || !bytes_equal(it->data, k->p, k->len)))
        return NULL;
    return slot;
}

/* store_lock and store_unlock of one key, for commands that reserve nothing. */
static inline void lock_one(struct store_ctx *sx, struct shard *sh, const struct skey *k)
{
#ifdef FLAGSTONE_FORCE_MOVE
    (void)sh;
    store_lock(sx, k, 1);
#else
    (void)k;
    durations_lock(&sx->durations[DURATION_WAIT], &sh->lock);
#endif
}

static inline void unlock_one(struct store_ctx *sx, struct shard *sh, const struct skey *k)
{
#ifdef FLAGSTONE_FORCE_MOVE
    (void)sh;
    store_unlock(sx, k, 1);
#else
    (void)sx, (void)k;
    lock_release(&sh->lock, LOCK_SHARD);
#endif
}

static inline void touch(const struct run *run, slot_t *slot)
{
    if (UNLIKELY(!slot_is_touched(run->policy, *slot)))
        slot_touch(run->sx, slot);
}

/* reply_bulk_fits of a reply that is not muted. */
static inline bool reply_value(struct run *run, const char *p, size_t n)
{
    struct reply *out = run->out;
    struct value_head *head = &run->head;
    char *to = out->at;
    if (UNLIKELY((size_t)(out->end - to) < n + REPLY_HEAD_MAX + 2))
        return false;
    if (UNLIKELY(n != head->len)) {
        head->size = (uint32_t)(reply_write_head(head->bytes, '$', n) - head->bytes);
        head->len = n;
    }
    memcpy(to, head->bytes, sizeof head->bytes);
    to += head->size;
    memcpy(to, p, n);
    memcpy(to + n, "\r\n", 2);
    out->at = to + n + 2;
    return true;
}

/* False: not common, and nothing has happened. */
static inline bool quick_get(struct run *run, const struct skey *k)
{
    struct store *s = run->sx->store;
    struct shard *sh = shard_of(s, k->hash);
    bool done = false, absent;
    lock_one(run->sx, sh, k);
    slot_t *slot = find_plain(s, sh, k, &absent);
    if (LIKELY(slot != NULL)) {
        chunk_ref ref = slot_ref(*slot);
        const struct item *it = slab_ptr(&s->slab, ref);
        size_t before = 4 + k->len, len = slab_chunk_size(&s->slab, ref) - item_slack(item_head(it)) - before;
        done = reply_value(run, (const char *)it + before, len);
        if (LIKELY(done)) {
            if (LIKELY(run->touch))
                touch(run, slot);
            run->hits++;
        }
    } else if (absent) {
        reply_null(run->out);
        run->misses++;
        done = true;
    }
    unlock_one(run->sx, sh, k);
    return done;
}

/* The same for SET. */
static inline bool quick_set(struct run *run, const struct skey *k, const struct arg *value)
{
    struct store_ctx *sx = run->sx;
    struct shard *sh = shard_of(sx->store, k->hash);
    if (UNLIKELY(run->out->end - run->out->at < REPLY_HEAD_MAX))
        return false;
    lock_one(sx, sh, k);
    bool done = quick_put(sx, sh, k, value);
    unlock_one(sx, sh, k);
    if (LIKELY(done)) {
        memcpy(run->out->at, "+OK\r\n", 5);
        run->out->at += 5;
        run->sets++;
    }
    return done;
}

static void count_run(struct dispatch *d, const struct run *run, uint32_t n)
{
    struct cmd_ctx *ctx = &d->ctx;
    struct stats_worker *stats = ctx->wkr->stats;
    struct store_counters *c = &ctx->sx->counters;
    uint64_t ns = dispatch_lap(d) / n;
    uint32_t gets = run->hits + run->misses;
    if (gets > 0) {
        stats_calls(stats, row_get.id, gets, ns);
        atomic_store_explicit(&c->hits, atomic_load_explicit(&c->hits, memory_order_relaxed) + run->hits,
                              memory_order_relaxed);
        atomic_store_explicit(&c->misses, atomic_load_explicit(&c->misses, memory_order_relaxed) + run->misses,
                              memory_order_relaxed);
    }
    if (run->sets > 0)
        stats_calls(stats, row_set.id, run->sets, ns);
}

uint32_t quick_run(struct dispatch *d, struct batch *b, struct request *r, uint32_t n, bool *refused)
{
    struct cmd_ctx *ctx = &d->ctx;
    const struct store *s = ctx->srv->store;
    struct run run = {.sx = ctx->sx, .out = ctx->out, .touch = ctx->sx->touch, .head.len = SIZE_MAX};
    struct skey *keys = b->keys.v;
    const struct request *q = r;
    const struct skey *k = &keys[r->key]; /* each has one key */
    uint16_t db = store_db(s, conn_db(ctx->conn));
    uint32_t i = 0, most = d->watch_ns < EXACT_NS ? 1 : QUICK_RUN;
    *refused = true;
    if (!dispatch_is_plain(d) || ctx->notify || db >= ITEM_DB_WIDE || ctx->out->muted)
        return 0;
    run.policy = atomic_load_explicit(&s->policy, memory_order_relaxed);
    for (; i < n && q->quick && k->db == db; i++, q++, k++) {
        if (i == most) {
            *refused = false;
            break;
        }
        ahead_of(&b->ahead, s, keys, q->key + 1);
        if (LIKELY(q->argc == 2)) {
            if (!quick_get(&run, k))
                break;
        } else {
            const struct arg *value = &b->args.v[q->first + 2];
            if (!quick_set(&run, k, value))
                break;
            if (value->len > SHORT_VALUE)
                most = i + 1;
        }
    }
    if (i == 0)
        return 0;
    const struct request *last = &r[i - 1];
    ctx->cmd = last->cmd;
    ctx->argv = b->args.v + last->first;
    ctx->argc = (int)last->argc;
    atomic_store_explicit(&ctx->conn->cmd, last->cmd, memory_order_relaxed);
    count_run(d, &run, i);
    return i;
}
