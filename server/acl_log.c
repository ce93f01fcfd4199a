/* See acl_log.h. A list, newest first; an entry is one allocation but for the client's line, which is replaced when the
 * same is denied again. The last few entries are looked through for that, so that a flood of wrong passwords costs no
 * more than they do. */
#include "server/acl_log.h"

#include <stdlib.h>
#include <string.h>

#include "slab/base/lock.h"

enum { GROUPED_MS = 60000, LOOKED_THROUGH = 10 };

struct denial {
    struct denial *prev, *next;
    enum acl_verdict why;
    bool in_multi;
    uint64_t count;
    int64_t at_ms;
    char *client;
    size_t client_len, object_len, user_len;
    char text[]; /* object, user */
};

struct acl_log {
    struct lock lock; /* LOCK_STATS */
    struct denial *first, *last;
    size_t len;
};

struct acl_log *acl_log_new(void)
{
    return calloc(1, sizeof(struct acl_log));
}

static void unlink_entry(struct acl_log *l, struct denial *e)
{
    *(e->prev != NULL ? &e->prev->next : &l->first) = e->next;
    *(e->next != NULL ? &e->next->prev : &l->last) = e->prev;
    l->len--;
}

static void push(struct acl_log *l, struct denial *e)
{
    e->prev = NULL;
    e->next = l->first;
    *(e->next != NULL ? &e->next->prev : &l->last) = e;
    l->first = e;
    l->len++;
}

/* Lock held, or nobody else is there. */
static void trim(struct acl_log *l, size_t len)
{
    while (l->len > len) {
        struct denial *e = l->last;
        unlink_entry(l, e);
        free(e->client);
        free(e);
    }
}

void acl_log_free(struct acl_log *l)
{
    if (l == NULL)
        return;
    trim(l, 0);
    free(l);
}

static size_t cut(size_t n)
{
    return n < ACL_LOG_TEXT_MAX ? n : ACL_LOG_TEXT_MAX;
}

static bool is_same(const struct denial *e, const struct acl_denied *d)
{
    return e->why == d->why && e->in_multi == d->in_multi && d->now_ms - e->at_ms <= GROUPED_MS &&
           e->object_len == cut(d->object_len) && memcmp(e->text, d->object, e->object_len) == 0 &&
           e->user_len == cut(d->user_len) && memcmp(e->text + e->object_len, d->user, e->user_len) == 0;
}

static struct denial *entry_new(const struct acl_denied *d)
{
    size_t object = cut(d->object_len), user = cut(d->user_len);
    struct denial *e = malloc(sizeof *e + object + user);
    if (e == NULL)
        return NULL;
    *e = (struct denial){.why = d->why, .in_multi = d->in_multi, .object_len = object, .user_len = user};
    if (object > 0)
        memcpy(e->text, d->object, object);
    if (user > 0)
        memcpy(e->text + object, d->user, user);
    return e;
}

/* What memory is too short for is not kept. */
void acl_log_add(struct acl_log *l, const struct acl_denied *d, size_t max_len)
{
    char *client = malloc(d->client_len + 1);
    struct denial *e;
    int looked = 0;
    if (client == NULL)
        return;
    memcpy(client, d->client, d->client_len);
    lock_take(&l->lock, LOCK_STATS);
    for (e = l->first; e != NULL && !is_same(e, d); e = e->next)
        if (++looked == LOOKED_THROUGH)
            e = l->last; /* and no further */
    if (e != NULL && is_same(e, d))
        unlink_entry(l, e);
    else
        e = entry_new(d);
    if (e == NULL) {
        free(client);
    } else {
        free(e->client);
        e->client = client;
        e->client_len = d->client_len;
        e->at_ms = d->now_ms;
        e->count++;
        push(l, e);
    }
    trim(l, max_len);
    lock_release(&l->lock, LOCK_STATS);
}

void acl_log_reset(struct acl_log *l)
{
    lock_take(&l->lock, LOCK_STATS);
    trim(l, 0);
    lock_release(&l->lock, LOCK_STATS);
}

static void reply_entry(struct reply *out, const struct denial *e, int64_t now_ms)
{
    static const char *const reasons[] = {[ACL_ALLOWED] = "",
                                          [ACL_NO_COMMAND] = "command",
                                          [ACL_NO_KEY] = "key",
                                          [ACL_NO_CHANNEL] = "channel",
                                          [ACL_NO_AUTH] = "auth"};
    reply_map(out, 7);
    reply_cstr(out, "count");
    reply_int(out, (int64_t)e->count);
    reply_cstr(out, "reason");
    reply_cstr(out, reasons[e->why]);
    reply_cstr(out, "context");
    reply_cstr(out, e->in_multi ? "multi" : "toplevel");
    reply_cstr(out, "object");
    reply_bulk(out, e->text, e->object_len);
    reply_cstr(out, "username");
    reply_bulk(out, e->text + e->object_len, e->user_len);
    reply_cstr(out, "age-seconds");
    reply_double(out, now_ms > e->at_ms ? (double)(now_ms - e->at_ms) / 1000 : 0);
    reply_cstr(out, "client-info");
    reply_bulk(out, e->client, e->client_len);
}

void acl_log_reply(struct acl_log *l, struct reply *out, size_t count, int64_t now_ms)
{
    lock_take(&l->lock, LOCK_STATS);
    reply_array(out, count < l->len ? count : l->len);
    const struct denial *e = l->first;
    for (size_t i = 0; i < count && e != NULL; i++, e = e->next)
        reply_entry(out, e, now_ms);
    lock_release(&l->lock, LOCK_STATS);
}
