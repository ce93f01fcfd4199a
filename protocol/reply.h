/* Replies: RESP2 or RESP3 bytes, gathered in blocks until the connection writes them.
 *
 * A reply is a list of blocks. The current block is a window that is appended to without a call; when it is full, a
 * new one follows. An attachment (bytes that live elsewhere, pinned by their owner) is a block without data of its own
 * and is sent from where it lies. Nothing here does I/O; the connection takes the blocks as iovecs (reply_iov) and tells
 * what was sent (reply_sent). The first block may be a buffer lent by the worker (reply_lend), so that a connection
 * with nothing pending owns no memory.
 * RESP: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
#ifndef FLAGSTONE_PROTOCOL_REPLY_H
#define FLAGSTONE_PROTOCOL_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

struct reply_block;

/* Tells the owner of attached bytes that they were sent, or never will be. */
typedef void (*reply_release)(void *owner);

struct reply {
    char *at, *end; /* the current window */
    struct reply_block *head, *tail;
    size_t pending; /* bytes in blocks other than the current one, attachments included */
    size_t sent;    /* bytes of the first block that are gone */
    uint8_t resp;   /* 2 or 3 */
    bool failed;    /* memory was short: the connection must be closed */
    uint8_t muted;  /* CLIENT REPLY OFF/SKIP: appends are dropped */
    uint64_t errors; /* error replies appended so far (statistics) */
    char *lent;
    size_t lent_size;
    char last_error[40]; /* the code (first word) of the last error: ERR, WRONGTYPE ... for errorstats */
};

void reply_init(struct reply *r);
void reply_free(struct reply *r); /* drops what is pending and releases attachments */

/* Lends a buffer as the first block. Only to an empty reply; before the lender takes it back with reply_unlend, what is
 * still in it is copied to a block of the reply's own. */
void reply_lend(struct reply *r, char *buf, size_t size);
void reply_unlend(struct reply *r);

/* Bytes not yet sent; memory that the reply owns (blocks, attachments counted with their length). */
size_t reply_pending(const struct reply *r);
size_t reply_memory(const struct reply *r);

/* Fills up to `max` iovecs with what is to be sent and returns how many; then n bytes were sent. */
int reply_iov(struct reply *r, struct iovec *iov, int max);
void reply_sent(struct reply *r, size_t n);

/* Room for n (<= 64 KiB) contiguous bytes, to be filled by the caller before anything else is appended; reply_advance says how
 * many were. Never NULL: when memory is short, a scratch area is given and `failed` set. */
char *reply_room(struct reply *r, size_t n);
void reply_advance(struct reply *r, size_t n);

void reply_bytes(struct reply *r, const void *p, size_t n); /* raw, already encoded */

/* Simple values. In RESP2 the RESP3 types fall back as Redis does: map -> flat array, set/push -> array, double -> bulk,
 * bool -> :1/:0, null -> $-1, verbatim -> bulk. */
void reply_status(struct reply *r, const char *s);                                             /* +s */
void reply_ok(struct reply *r);                                                                /* +OK */
void reply_error(struct reply *r, const char *s);                                              /* -s; s has its code */
void reply_errorf(struct reply *r, const char *f, ...) __attribute__((format(printf, 2, 3)));  /* line breaks become spaces */
void reply_int(struct reply *r, int64_t v);
void reply_bulk(struct reply *r, const void *p, size_t n);
void reply_cstr(struct reply *r, const char *s);                                               /* bulk */
void reply_bulkf(struct reply *r, const char *f, ...) __attribute__((format(printf, 2, 3)));
void reply_bulk_int(struct reply *r, int64_t v);                                               /* bulk of its digits */
void reply_null(struct reply *r);       /* $-1 or _ */
void reply_null_array(struct reply *r); /* *-1 or _ */
void reply_array(struct reply *r, size_t n);
void reply_map(struct reply *r, size_t pairs);
void reply_set(struct reply *r, size_t n);
void reply_push(struct reply *r, size_t n);
void reply_double(struct reply *r, double v); /* shortest text that reads back (17 digits), inf, -inf, nan */
void reply_bool(struct reply *r, bool v);
void reply_verbatim(struct reply *r, const char *ext3, const void *p, size_t n);

/* A bulk string's head "$n\r\n"; its bytes follow by reply_bytes or reply_attach, then reply_bulk_end "\r\n". */
void reply_bulk_begin(struct reply *r, size_t n);
void reply_bulk_end(struct reply *r);

/* n bytes at p are sent from where they are; release(owner) is called once, when they were sent or dropped. */
void reply_attach(struct reply *r, const void *p, size_t n, reply_release release, void *owner);

/* An aggregate whose length is known only later: begin, append the elements, end with the count. They may not nest
 * more than 4 deep. */
typedef struct {
    struct reply_block *head;
} reply_mark;
reply_mark reply_defer(struct reply *r);
void reply_defer_array(struct reply *r, reply_mark m, size_t n);
void reply_defer_map(struct reply *r, reply_mark m, size_t pairs);
void reply_defer_set(struct reply *r, reply_mark m, size_t n);

#endif
