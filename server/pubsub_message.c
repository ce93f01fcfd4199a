/* See pubsub.h: what is told, and how it gets there.
 *
 * A message is made once, shared by the workers it goes to, and posted to all of them under the lock of its channel's
 * bucket; the publisher's own worker gets it through its mailbox, too, and reads that at once. So
 *   - messages of a channel arrive in one order everywhere;
 *   - whoever delivers takes that lock once to find the channel, by when the message has been posted to everybody: an
 *     answer to it, on any channel, cannot overtake it;
 *   - who subscribed after it was counted is told by `since`, and gets none of it.
 * Nothing is delivered under a lock. What a subscriber gets is encoded once a worker, and from ATTACH_BYTES on not even
 * copied. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/glob.h"
#include "protocol/number.h"
#include "server/conn_private.h"
#include "server/mailbox.h"
#include "server/options.h"
#include "server/pubsub_private.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"

enum {
    BACKLOG_MAX = 16 << 20, /* messages wait for a worker up to 16 MB, or a 64th of maxmemory, before who publishes */
    BACKLOG_SHARE = 64,     /* is not read */
    ATTACH_BYTES = 4 << 10,
    HEAD_CHARS = 128, /* of an encoded message, but for names */
};

static_assert(WORKERS_MAX <= WORKER_WORDS * 64, "a bit a worker");

struct message {
    _Atomic uint32_t refs;
    enum topic_kind kind;
    uint64_t changes; /* of its bucket, when it was told; of that of patterns */
    uint64_t pattern_changes;
    size_t name_len, text_len;
    char data[]; /* name, text */
};

static const char *text_of(const struct message *m)
{
    return m->data + m->name_len;
}

static size_t message_bytes(const struct message *m)
{
    return sizeof *m + sizeof(struct letter) + m->name_len + m->text_len;
}

static void message_drop(void *message)
{
    struct message *m = message;
    if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        free(m);
}

static struct message *message_of(const struct letter *l)
{
    return (struct message *)(uintptr_t)l->id;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

struct receivers {
    uint64_t n;
    uint64_t workers[WORKER_WORDS];
};

static void add_pattern_receivers(const struct patterns *v, const char *name, size_t n, struct receivers *r)
{
    for (size_t i = 0; v != NULL && i < v->n; i++) {
        if (v->v[i].subscribers == 0 || !glob_match(v->v[i].name, v->v[i].len, name, n, false))
            continue;
        r->n += v->v[i].subscribers;
        for (int k = 0; k < WORKER_WORDS; k++)
            r->workers[k] |= v->v[i].workers[k];
    }
}

/* Bucket locked. */
static void add_topic_receivers(const struct pubsub *p, const struct topic *t, struct receivers *r)
{
    for (int i = 0; t != NULL && i < p->nworkers; i++) {
        r->n += t->here[i].n;
        if (t->here[i].n > 0)
            r->workers[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

static bool receives(const struct receivers *r, int worker)
{
    return (r->workers[worker / 64] >> (worker % 64) & 1) != 0;
}

/* Puts the message into the mailboxes; *wake: whose owners are to be woken. One for whom memory is short loses it, as
 * pub/sub may lose any. Bucket locked. */
static void post(struct server *s, struct message *m, const struct receivers *r, uint64_t wake[WORKER_WORDS])
{
    for (int i = 0; i < s->nworkers; i++) {
        struct letter *l = receives(r, i) ? letter_new(LETTER_MESSAGE, (uint64_t)(uintptr_t)m, 0) : NULL;
        if (l == NULL)
            continue;
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&s->workers[i]->backlog, message_bytes(m), memory_order_relaxed);
        if (mailbox_append(s->workers[i]->mail, l))
            wake[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

static struct message *message_new(enum topic_kind kind, const char *name, size_t n, const char *text, size_t len)
{
    struct message *m = malloc(sizeof *m + n + len);
    if (m == NULL)
        return NULL;
    *m = (struct message){.kind = kind, .name_len = n, .text_len = len};
    atomic_init(&m->refs, 1);
    memcpy(m->data, name, n);
    memcpy(m->data + n, text, len);
    return m;
}

uint64_t pubsub_publish(struct server *s, struct worker *w, enum topic_kind kind, const char *name, size_t n,
                        const char *text, size_t len)
{
    struct pubsub *p = s->pubsub;
    struct receivers r = {0};
    uint64_t wake[WORKER_WORDS] = {0}, hash = topic_hash(p, kind, name, n);
    struct patterns *v = NULL;
    struct message *m = NULL;
    struct bucket *b = topic_bucket(p, kind, hash);
    if (kind == TOPIC_CHANNEL && pubsub_topics(p, TOPIC_PATTERN) > 0)
        v = patterns_now(p, w != NULL ? &w->patterns : &p->memories);
    add_pattern_receivers(v, name, n, &r);
    lock_take(&b->lock, LOCK_TOPICS);
    add_topic_receivers(p, topic_find(b, kind, hash, name, n), &r);
    if (r.n > 0)
        m = message_new(kind, name, n, text, len);
    if (m != NULL) {
        m->changes = atomic_load_explicit(&b->changes, memory_order_relaxed);
        m->pattern_changes = v == NULL ? 0 : v->changes;
        post(s, m, &r, wake);
    }
    lock_release(&b->lock, LOCK_TOPICS);
    for (int i = 0; m != NULL && i < s->nworkers; i++)
        if ((wake[i / 64] >> (i % 64) & 1) != 0 && s->workers[i] != w)
            mailbox_wake(s->workers[i]->mail);
    if (m != NULL)
        message_drop(m);
    if (w != NULL && receives(&r, w->index) && !w->holds_messages)
        pubsub_read_mail(w);
    return r.n;
}

/* ---- delivering -------------------------------------------------------------------------------------------------- */

/* What every subscriber of one topic gets, but for the first byte, in which the protocols differ. */
struct encoded {
    char few[512], *p;
    size_t n;
    bool attach; /* the text is not in it, but follows from where it is */
};

static size_t put_bulk(char *to, const char *p, size_t n, bool with_bytes)
{
    size_t at = 1 + number_write_i64(to + 1, (int64_t)n);
    to[0] = '$';
    memcpy(to + at, "\r\n", 2);
    at += 2;
    if (!with_bytes)
        return at;
    memcpy(to + at, p, n);
    memcpy(to + at + n, "\r\n", 2);
    return at + n + 2;
}

/* False: memory is short. */
static bool encode(struct encoded *e, const struct topic *t, const struct message *m)
{
    static const char *const what[TOPIC_KINDS] = {"message", "pmessage", "smessage"};
    bool pattern = t->kind == TOPIC_PATTERN;
    e->attach = m->text_len >= ATTACH_BYTES;
    size_t room = HEAD_CHARS + m->name_len + (pattern ? t->len : 0) + (e->attach ? 0 : m->text_len);
    e->p = room <= sizeof e->few ? e->few : malloc(room);
    if (e->p == NULL)
        return false;
    memcpy(e->p, pattern ? "*4\r\n" : "*3\r\n", 4);
    e->n = 4 + put_bulk(e->p + 4, what[t->kind], strlen(what[t->kind]), true);
    if (pattern)
        e->n += put_bulk(e->p + e->n, t->name, t->len, true);
    e->n += put_bulk(e->p + e->n, m->data, m->name_len, true);
    e->n += put_bulk(e->p + e->n, text_of(m), m->text_len, !e->attach);
    ASSERT(e->n <= room);
    return true;
}

static const char *message_piece(void *message, size_t at, size_t *len)
{
    const struct message *m = message;
    *len = m->text_len - at;
    return text_of(m) + at;
}

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

/* To the worker's own subscribers of the topic. No lock held. */
static void deliver(struct worker *w, const struct topic *t, struct message *m)
{
    uint64_t changes = t->kind == TOPIC_PATTERN ? m->pattern_changes : m->changes;
    struct encoded e;
    if (!encode(&e, t, m))
        return;
    for (const struct sub *s = t->here[w->index].first; s != NULL; s = s->next) {
        struct reply *out = &s->conn->out;
        if (s->since > changes || conn_has(s->conn, CONN_CLOSE_ASAP | CONN_CLOSE_AFTER_REPLY | CONN_KILLED))
            continue;
        uint8_t muted = out->muted;
        out->muted = 0; /* CLIENT REPLY is about replies */
        e.p[0] = out->resp == 3 ? '>' : '*';
        reply_bytes(out, e.p, e.n);
        if (e.attach) {
            atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
            if (!reply_attach(out, m->text_len, message_piece, message_drop, m))
                atomic_fetch_sub_explicit(&m->refs, 1, memory_order_relaxed); /* not the last: the caller has one */
            reply_bytes(out, "\r\n", 2);
        }
        out->muted = muted;
        delivered(s->conn);
    }
    if (e.p != e.few)
        free(e.p);
}

/* The worker's topics that the message is for: at most one channel, and patterns. Those that it has a subscriber of
 * stay while it looks at them. */
static void receive(struct worker *w, struct message *m)
{
    struct pubsub *p = w->srv->pubsub;
    uint64_t hash = topic_hash(p, m->kind, m->data, m->name_len);
    struct bucket *b = topic_bucket(p, m->kind, hash);
    lock_take(&b->lock, LOCK_TOPICS);
    const struct topic *t = topic_find(b, m->kind, hash, m->data, m->name_len);
    bool mine = t != NULL && t->here[w->index].first != NULL;
    lock_release(&b->lock, LOCK_TOPICS);
    if (mine)
        deliver(w, t, m);
    if (m->pattern_changes == 0)
        return;
    struct patterns *v = patterns_now(p, &w->patterns);
    for (size_t i = 0; v != NULL && i < v->n; i++)
        if ((v->v[i].workers[w->index / 64] >> (w->index % 64) & 1) != 0 &&
            glob_match(v->v[i].name, v->v[i].len, m->data, m->name_len, false))
            deliver(w, v->v[i].topic, m);
}

void pubsub_receive(struct worker *w, const struct letter *l)
{
    struct message *m = message_of(l);
    atomic_fetch_sub_explicit(&w->backlog, message_bytes(m), memory_order_relaxed);
    receive(w, m);
    message_drop(m);
}

void pubsub_forget(const struct letter *l)
{
    message_drop(message_of(l));
}

void pubsub_read_mail(struct worker *w)
{
    struct letter **at = &w->letters, *l;
    worker_take_mail(w, mailbox_take_now(w->mail));
    while ((l = *at) != NULL) {
        if (l->kind != LETTER_MESSAGE) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        pubsub_receive(w, l);
        free(l);
    }
    if (w->letters != NULL)
        mailbox_wake(w->mail);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

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
