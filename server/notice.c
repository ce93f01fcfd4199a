/* See notice.h. What was noted lies one after the other in one buffer: | what 1 | database 2 | key length 4 | key |. */
#include "server/notice.h"

#include <stdlib.h>
#include <string.h>

#include "server/store_private.h"
#include "slab/base/assert.h"

enum { HEAD_BYTES = 7, KEPT_BYTES = 64 * 1024 };

enum {
    NOTICES_ALL = NOTICES_GENERIC | NOTICES_STRING | NOTICES_LIST | NOTICES_SET | NOTICES_HASH | NOTICES_ZSET |
                  NOTICES_EXPIRED | NOTICES_EVICTED | NOTICES_STREAM | NOTICES_MODULE,
};

/* In the order in which they are shown. */
static const struct {
    char c;
    uint32_t class;
} letters[] = {
    {'g', NOTICES_GENERIC},  {'$', NOTICES_STRING}, {'l', NOTICES_LIST},    {'s', NOTICES_SET},
    {'h', NOTICES_HASH},     {'z', NOTICES_ZSET},   {'x', NOTICES_EXPIRED}, {'e', NOTICES_EVICTED},
    {'t', NOTICES_STREAM},   {'d', NOTICES_MODULE}, {'n', NOTICES_NEW},     {'K', NOTICES_KEYSPACE},
    {'E', NOTICES_KEYEVENT}, {'m', NOTICES_MISS},
};
enum { LETTERS = sizeof letters / sizeof *letters };

static const struct {
    const char *event;
    uint32_t class;
} kinds[NOTICE_KINDS] = {
    [NOTICE_NEW] = {"new", NOTICES_NEW},
    [NOTICE_MISS] = {"keymiss", NOTICES_MISS},
    [NOTICE_EXPIRED] = {"expired", NOTICES_EXPIRED},
    [NOTICE_EVICTED] = {"evicted", NOTICES_EVICTED},
    [NOTICE_SET] = {"set", NOTICES_STRING},
    [NOTICE_SETRANGE] = {"setrange", NOTICES_STRING},
    [NOTICE_APPEND] = {"append", NOTICES_STRING},
    [NOTICE_INCRBY] = {"incrby", NOTICES_STRING},
    [NOTICE_INCRBYFLOAT] = {"incrbyfloat", NOTICES_STRING},
    [NOTICE_SETBIT] = {"setbit", NOTICES_STRING},
    [NOTICE_DEL] = {"del", NOTICES_GENERIC},
    [NOTICE_EXPIRE] = {"expire", NOTICES_GENERIC},
    [NOTICE_PERSIST] = {"persist", NOTICES_GENERIC},
    [NOTICE_RENAME_FROM] = {"rename_from", NOTICES_GENERIC},
    [NOTICE_RENAME_TO] = {"rename_to", NOTICES_GENERIC},
    [NOTICE_MOVE_FROM] = {"move_from", NOTICES_GENERIC},
    [NOTICE_MOVE_TO] = {"move_to", NOTICES_GENERIC},
    [NOTICE_COPY_TO] = {"copy_to", NOTICES_GENERIC},
};

bool notice_classes(const char *text, uint32_t *classes)
{
    *classes = 0;
    for (; *text != '\0'; text++) {
        int i = 0;
        while (i < LETTERS && letters[i].c != *text)
            i++;
        if (i == LETTERS && *text != 'A')
            return false;
        *classes |= i == LETTERS ? (uint32_t)NOTICES_ALL : letters[i].class;
    }
    return true;
}

void notice_classes_text(uint32_t classes, bool whole, char to[NOTICES_TEXT_CHARS])
{
    bool all = (classes & NOTICES_ALL) == NOTICES_ALL;
    uint32_t hidden = all ? NOTICES_ALL | (whole ? 0 : (uint32_t)NOTICES_NEW) : 0;
    if (all)
        *to++ = 'A';
    for (int i = 0; i < LETTERS; i++)
        if ((classes & ~hidden & letters[i].class) != 0)
            *to++ = letters[i].c;
    *to = '\0';
}

void notices_want(struct store *s, uint32_t classes)
{
    bool anything = (classes & (NOTICES_KEYSPACE | NOTICES_KEYEVENT)) != 0;
    atomic_store_explicit(&s->notices, anything ? classes : 0, memory_order_relaxed);
}

uint32_t notices_wanted(const struct store *s)
{
    return atomic_load_explicit(&s->notices, memory_order_relaxed);
}

/* The number by which clients know a physical database; -1: it was flushed. */
static int logical_db(const struct store *s, uint16_t db)
{
    int i = 0;
    while (i < s->databases && atomic_load_explicit(&s->db_map[i], memory_order_relaxed) != db)
        i++;
    return i < s->databases ? i : -1;
}

void notice_add(struct store_ctx *sx, enum notice what, uint16_t db, const char *key, size_t len)
{
    struct notices *q = &sx->notices;
    if ((notices_wanted(sx->store) & kinds[what].class) == 0)
        return;
    int logical = logical_db(sx->store, db);
    if (logical < 0)
        return;
    size_t need = q->n + HEAD_BYTES + len;
    if (need > q->cap) {
        size_t cap = q->cap * 2 > need ? q->cap * 2 : need + 4096;
        char *p = realloc(q->p, cap);
        if (p == NULL)
            return;
        q->p = p;
        q->cap = cap;
    }
    char *to = q->p + q->n;
    uint16_t number = (uint16_t)logical;
    uint32_t n = (uint32_t)len;
    to[0] = (char)what;
    memcpy(to + 1, &number, sizeof number);
    memcpy(to + 3, &n, sizeof n);
    memcpy(to + HEAD_BYTES, key, len);
    q->n = need;
}

bool notices_next(const struct store_ctx *sx, size_t *at, struct noted *n)
{
    const struct notices *q = &sx->notices;
    uint16_t db;
    uint32_t len;
    if (*at >= q->n)
        return false;
    const char *p = q->p + *at;
    memcpy(&db, p + 1, sizeof db);
    memcpy(&len, p + 3, sizeof len);
    *n = (struct noted){kinds[(unsigned char)p[0]].event, p + HEAD_BYTES, len, db};
    *at += HEAD_BYTES + len;
    ASSERT(*at <= q->n);
    return true;
}

void notices_clear(struct store_ctx *sx)
{
    struct notices *q = &sx->notices;
    q->n = 0;
    if (q->cap > KEPT_BYTES) {
        free(q->p);
        q->p = NULL;
        q->cap = 0;
    }
}

bool notices_none(const struct store_ctx *sx)
{
    return sx->notices.n == 0;
}

size_t notices_mark(const struct store_ctx *sx)
{
    return sx->notices.n;
}

void notices_take_back(struct store_ctx *sx, size_t mark)
{
    struct notices *q = &sx->notices;
    struct noted n;
    size_t to = mark, next = mark;
    for (size_t at = mark; notices_next(sx, &next, &n); at = next) {
        enum notice what = (enum notice)q->p[at];
        if (what != NOTICE_EXPIRED && what != NOTICE_EVICTED)
            continue;
        memmove(q->p + to, q->p + at, next - at);
        to += next - at;
    }
    q->n = to;
}
