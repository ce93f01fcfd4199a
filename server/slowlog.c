/* See slowlog.h. A ring of pointers to entries that grows with what is kept; an entry is one allocation: its numbers,
 * then its arguments' bytes. Ids grow by one from 0 and survive SLOWLOG RESET, so that a client that polls sees what
 * is new.
 *
 *     entry | offsets of the arguments' ends [argc] | bytes of argument 0, 1, ... | peer NUL name NUL
 *
 * SLOWLOG GET replies from a snapshot: entries are counted, so the lock is held for the copying of pointers only. */
#include "server/slowlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slab/base/lock.h"

struct slow_entry {
    _Atomic unsigned refs; /* the ring, and replies being made */
    uint64_t id;
    int64_t unix_s;
    uint64_t usec;
    size_t size; /* of the allocation */
    unsigned argc;
    uint32_t peer, name; /* where they begin in `text` */
    uint32_t end[SLOWLOG_ARGS_MAX];
    char text[];
};

struct slowlog {
    struct lock lock; /* LOCK_STATS */
    struct slow_entry **ring;
    size_t room;   /* of the ring, a power of two */
    size_t newest; /* position after the newest, modulo room */
    size_t len;
    size_t bytes;
    uint64_t next_id;
};

struct slowlog *slowlog_new(void)
{
    return calloc(1, sizeof(struct slowlog));
}

static void drop(struct slow_entry *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

/* The entry that is the i-th newest. Lock held. */
static struct slow_entry *entry_at(const struct slowlog *l, size_t i)
{
    return l->ring[(l->newest - 1 - i) & (l->room - 1)];
}

/* Drops the oldest until at most `len` are left. Lock held. */
static void trim(struct slowlog *l, size_t len)
{
    while (l->len > len) {
        struct slow_entry *e = entry_at(l, l->len - 1);
        l->bytes -= e->size;
        l->len--;
        drop(e);
    }
}

void slowlog_free(struct slowlog *l)
{
    if (l == NULL)
        return;
    trim(l, 0);
    free(l->ring);
    free(l);
}

/* ---- making an entry --------------------------------------------------------------------------------------------- */

/* What is kept of argument i: a piece of it, and a note on what was cut off. */
struct kept_arg {
    const char *p;
    size_t len;
    char note[64];
};

static void keep_arg(struct kept_arg *k, const struct arg *argv, int argc, unsigned i)
{
    k->p = argv[i].p;
    k->len = argv[i].p != NULL ? argv[i].len : 0;
    k->note[0] = '\0';
    if (argc > SLOWLOG_ARGS_MAX && i == SLOWLOG_ARGS_MAX - 1) {
        k->len = 0;
        snprintf(k->note, sizeof k->note, "... (%d more arguments)", argc - SLOWLOG_ARGS_MAX + 1);
    } else if (argv[i].len > SLOWLOG_ARG_BYTES) {
        if (k->len > SLOWLOG_ARG_BYTES)
            k->len = SLOWLOG_ARG_BYTES;
        snprintf(k->note, sizeof k->note, "... (%zu more bytes)", argv[i].len - k->len);
    }
}

static uint32_t append(struct slow_entry *e, uint32_t at, const char *p, size_t n)
{
    if (n > 0)
        memcpy(e->text + at, p, n);
    return at + (uint32_t)n;
}

/* An entry with one reference, NULL when memory is short. */
static struct slow_entry *entry_new(const struct arg *argv, int argc, const char *peer, const char *name)
{
    unsigned kept = argc > SLOWLOG_ARGS_MAX ? SLOWLOG_ARGS_MAX : (unsigned)argc;
    size_t peer_len = strlen(peer) + 1, name_len = strlen(name) + 1;
    size_t size = sizeof(struct slow_entry) + peer_len + name_len;
    struct kept_arg k;
    for (unsigned i = 0; i < kept; i++) {
        keep_arg(&k, argv, argc, i);
        size += k.len + strlen(k.note);
    }
    struct slow_entry *e = malloc(size);
    if (e == NULL)
        return NULL;
    atomic_init(&e->refs, 1);
    e->size = size;
    e->argc = kept;
    uint32_t at = 0;
    for (unsigned i = 0; i < kept; i++) {
        keep_arg(&k, argv, argc, i);
        at = append(e, at, k.p, k.len);
        at = append(e, at, k.note, strlen(k.note));
        e->end[i] = at;
    }
    e->peer = at;
    e->name = append(e, at, peer, peer_len);
    append(e, e->name, name, name_len);
    return e;
}

/* Makes room for one more. Lock held; false when memory is short. */
static bool grow(struct slowlog *l)
{
    if (l->len < l->room)
        return true;
    size_t room = l->room == 0 ? 16 : l->room * 2;
    struct slow_entry **ring = malloc(room * sizeof(void *));
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < l->len; i++)
        ring[l->len - 1 - i] = entry_at(l, i);
    free(l->ring);
    l->ring = ring;
    l->room = room;
    l->newest = l->len;
    return true;
}

void slowlog_add(struct slowlog *l, int64_t unix_s, uint64_t usec, const struct arg *argv, int argc, const char *peer,
                 const char *name, size_t max_len)
{
    struct slow_entry *e = max_len > 0 ? entry_new(argv, argc, peer, name) : NULL;
    lock_take(&l->lock, LOCK_STATS);
    trim(l, max_len > 0 ? max_len - 1 : 0);
    if (e != NULL && grow(l)) {
        e->id = l->next_id++;
        e->unix_s = unix_s;
        e->usec = usec;
        l->ring[l->newest & (l->room - 1)] = e;
        l->newest = (l->newest + 1) & (l->room - 1);
        l->len++;
        l->bytes += e->size;
        e = NULL;
    }
    lock_release(&l->lock, LOCK_STATS);
    if (e != NULL)
        drop(e);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

void slowlog_trim(struct slowlog *l, size_t max_len)
{
    lock_take(&l->lock, LOCK_STATS);
    trim(l, max_len);
    lock_release(&l->lock, LOCK_STATS);
}

void slowlog_reset(struct slowlog *l)
{
    slowlog_trim(l, 0);
}

size_t slowlog_len(struct slowlog *l)
{
    lock_take(&l->lock, LOCK_STATS);
    size_t len = l->len;
    lock_release(&l->lock, LOCK_STATS);
    return len;
}

size_t slowlog_memory(struct slowlog *l)
{
    lock_take(&l->lock, LOCK_STATS);
    size_t bytes = sizeof *l + l->room * sizeof(void *) + l->bytes;
    lock_release(&l->lock, LOCK_STATS);
    return bytes;
}

static void entry_reply(const struct slow_entry *e, struct reply *out)
{
    reply_array(out, 6);
    reply_int(out, (int64_t)e->id);
    reply_int(out, e->unix_s);
    reply_int(out, (int64_t)e->usec);
    reply_array(out, e->argc);
    for (unsigned i = 0, begin = 0; i < e->argc; i++) {
        reply_bulk(out, e->text + begin, e->end[i] - begin);
        begin = e->end[i];
    }
    reply_cstr(out, e->text + e->peer);
    reply_cstr(out, e->text + e->name);
}

void slowlog_reply(struct slowlog *l, struct reply *out, size_t count)
{
    lock_take(&l->lock, LOCK_STATS);
    size_t n = count < l->len ? count : l->len;
    struct slow_entry **taken = malloc((n + 1) * sizeof(void *));
    for (size_t i = 0; taken != NULL && i < n; i++) {
        taken[i] = entry_at(l, i);
        atomic_fetch_add_explicit(&taken[i]->refs, 1, memory_order_relaxed);
    }
    lock_release(&l->lock, LOCK_STATS);
    if (taken == NULL) {
        reply_error(out, "ERR out of memory");
        return;
    }
    reply_array(out, n);
    for (size_t i = 0; i < n; i++) {
        entry_reply(taken[i], out);
        drop(taken[i]);
    }
    free(taken);
}
