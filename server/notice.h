/* Notices: what happened to keys, kept until it can be told (keyspace notifications).
 *
 * Whatever changes a key notes it in its thread's context, under the key's shard lock; when the command is over and
 * no shard is locked, notify.h publishes what was noted, in the order in which it happened. While
 * notify-keyspace-events is empty a note costs one test, and nothing is kept.
 * Only the context's own thread notes and reads. */
#ifndef FLAGSTONE_SERVER_NOTICE_H
#define FLAGSTONE_SERVER_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_ctx;

/* The classes of notify-keyspace-events. Redis's classes of types that are not stored here may be asked for, too;
 * nothing happens in them. */
enum notice_class {
    NOTICES_KEYSPACE = 1 << 0, /* K: channels that are named after keys */
    NOTICES_KEYEVENT = 1 << 1, /* E: channels that are named after events */
    NOTICES_GENERIC = 1 << 2,  /* g */
    NOTICES_STRING = 1 << 3,   /* $ */
    NOTICES_LIST = 1 << 4,     /* l */
    NOTICES_SET = 1 << 5,      /* s */
    NOTICES_HASH = 1 << 6,     /* h */
    NOTICES_ZSET = 1 << 7,     /* z */
    NOTICES_EXPIRED = 1 << 8,  /* x */
    NOTICES_EVICTED = 1 << 9,  /* e */
    NOTICES_STREAM = 1 << 10,  /* t */
    NOTICES_MISS = 1 << 11,    /* m */
    NOTICES_MODULE = 1 << 12,  /* d */
    NOTICES_NEW = 1 << 13,     /* n */
};

enum { NOTICES_TEXT_CHARS = 20 };

/* "KEg$" to classes, where "A" stands for all but m and n; false: another character. */
bool notice_classes(const char *text, uint32_t *classes);

/* The classes as CONFIG GET shows them, which is Redis's way: "A" hides an n. `whole`: so that reading it again gives
 * the same. */
void notice_classes_text(uint32_t classes, bool whole, char to[NOTICES_TEXT_CHARS]);

enum notice {
    NOTICE_NEW,
    NOTICE_MISS,
    NOTICE_EXPIRED,
    NOTICE_EVICTED,
    NOTICE_SET,
    NOTICE_SETRANGE,
    NOTICE_APPEND,
    NOTICE_INCRBY,
    NOTICE_INCRBYFLOAT,
    NOTICE_SETBIT,
    NOTICE_DEL,
    NOTICE_EXPIRE,
    NOTICE_PERSIST,
    NOTICE_RENAME_FROM,
    NOTICE_RENAME_TO,
    NOTICE_MOVE_FROM,
    NOTICE_MOVE_TO,
    NOTICE_COPY_TO,
    NOTICE_KINDS
};

/* What is to be noted from now on (enum notice_class); any thread. Without K and E that is nothing. */
void notices_want(struct store *s, uint32_t classes);
uint32_t notices_wanted(const struct store *s);

/* Notes it if its class is wanted and the physical database has a number; where memory is short it is forgotten. */
void notice_add(struct store_ctx *sx, enum notice what, uint16_t db, const char *key, size_t len);

/* One that was noted; `key` is valid until the next one is. */
struct noted {
    const char *event, *key;
    size_t key_len;
    int db; /* logical */
};

/* Reads what was noted from *at on, which begins with 0; false: that was all. notices_clear forgets it. */
bool notices_next(const struct store_ctx *sx, size_t *at, struct noted *n);
void notices_clear(struct store_ctx *sx);
bool notices_none(const struct store_ctx *sx);

/* Takes back what was noted since the mark by a command that has changed nothing after all (CMD_RETRY). What has
 * expired or was evicted meanwhile stays so. */
size_t notices_mark(const struct store_ctx *sx);
void notices_take_back(struct store_ctx *sx, size_t mark);

#endif
