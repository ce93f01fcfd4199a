/* Replies: RESP2 or RESP3 bytes, gathered in blocks until the connection writes them.
 *
 * A reply is a list of closed blocks and behind them the window, where bytes are appended without a call as long as
 * they fit. An attachment (bytes that live elsewhere, pinned by their owner) is a block without data of its own and is
 * sent from where it lies. Nothing here does I/O; the connection takes what is there as iovecs (reply_iov) and tells
 * what was sent (reply_sent). The window may be a buffer lent by the worker (reply_lend), so that a connection with
 * nothing pending owns no memory. What is appended to a reply that has failed is dropped.
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
/* The contiguous run of attached bytes that begins at byte `at`: where it is, and its length. */
typedef const char *(*reply_piece)(void *owner, size_t at, size_t *len);

struct reply {
    char *at, *end;                  /* the window: bytes are appended at `at` */
    char *start;                     /* the window's bytes not yet sent are [start, at) */
    char *chunk;                     /* what the window is in, when that is the reply's own; NULL: lent, or no window */
    struct reply_block *head, *tail; /* closed blocks, oldest first */
    size_t pending;                  /* bytes in closed blocks, attachments included */
    size_t attached;                 /* those of attachments alone */
    size_t owned;                    /* memory of the reply's own, bytes */
    char *lent;
    size_t lent_size;
    uint64_t errors;     /* error replies so far, dropped ones too (statistics) */
    uint8_t resp;        /* 2 or 3 */
    bool failed;         /* memory was short: the connection must be closed */
    uint8_t muted;       /* CLIENT REPLY OFF/SKIP: appends are dropped */
    char last_error[37]; /* the code (first word) of the last error: ERR, WRONGTYPE ... for errorstats */
};

/* A head: a type byte, a number, CR LF. */
enum { REPLY_HEAD_MAX = 24 };

void reply_init(struct reply *r); /* empty, RESP2 */
void reply_free(struct reply *r); /* drops what is pending and releases attachments; then as after reply_init */

/* Drops what is pending, at once, though the reply goes on to exist: it has failed then. Not while a buffer is lent. */
void reply_abandon(struct reply *r);

/* Lends a buffer as the window: only to a reply with nothing pending (then true; else false, and the reply goes on in
 * memory of its own). reply_unlend gives it back: what is still in it is copied to blocks of the reply's own. */
bool reply_lend(struct reply *r, char *buf, size_t size);
void reply_unlend(struct reply *r);

/* Appends nothing more to the lent buffer: what comes yet goes to memory of the reply's own. Returns where the used
 * part of it ends, so that the rest may be lent to another reply; NULL: none is lent. */
const char *reply_seal(struct reply *r);

/* Bytes not yet sent; memory that the reply owns (blocks, attachments counted with their length). */
size_t reply_pending(const struct reply *r);
size_t reply_memory(const struct reply *r);

/* Fills up to `max` iovecs with what is to be sent and returns how many (0: nothing is pending, or it has failed); then
 * n bytes were sent. */
int reply_iov(struct reply *r, struct iovec *iov, int max);
void reply_sent(struct reply *r, size_t n);

/* Room for n (<= REPLY_ROOM_MAX) contiguous bytes, to be filled by the caller before anything else is appended;
 * reply_advance says how many were. Never NULL: when memory is short, or the reply muted, it is a scratch area. */
enum { REPLY_ROOM_MAX = 64 * 1024 };
char *reply_room(struct reply *r, size_t n);
void reply_advance(struct reply *r, size_t n);

void reply_bytes(struct reply *r, const void *p, size_t n); /* raw, already encoded */

/* Simple values. In RESP2 the RESP3 types fall back as Redis does: map -> flat array, set/push -> array, double and
 * verbatim -> bulk, bool -> :1/:0, null -> $-1. Errors: line breaks at the end are cut off, others become spaces. */
void reply_status(struct reply *r, const char *s); /* +s */
void reply_ok(struct reply *r);                    /* +OK */
void reply_error(struct reply *r, const char *s);  /* -s; s begins with its code: "ERR syntax error" */
void reply_errorf(struct reply *r, const char *f, ...) __attribute__((format(printf, 2, 3)));
void reply_int(struct reply *r, int64_t v);
void reply_bulk(struct reply *r, const void *p, size_t n);
void reply_cstr(struct reply *r, const char *s); /* bulk */
void reply_bulkf(struct reply *r, const char *f, ...) __attribute__((format(printf, 2, 3)));
void reply_bulk_int(struct reply *r, int64_t v); /* bulk of its digits */
void reply_null(struct reply *r);                /* $-1 or _ */
void reply_null_array(struct reply *r);          /* *-1 or _ */
void reply_array(struct reply *r, size_t n);
void reply_map(struct reply *r, size_t pairs);
void reply_set(struct reply *r, size_t n);
void reply_push(struct reply *r, size_t n);
void reply_double(struct reply *r, double v); /* %.17g, inf, -inf, nan */
void reply_bool(struct reply *r, bool v);
void reply_verbatim(struct reply *r, const char *ext3, const void *p, size_t n);

/* A bulk string's head "$n\r\n"; its bytes follow by reply_bytes or reply_attach, then reply_bulk_end "\r\n". */
void reply_bulk_begin(struct reply *r, size_t n);
void reply_bulk_end(struct reply *r);

/* n > 0 bytes are sent from where they are, as piece(owner) tells when it comes to that; release(owner) is called once,
 * when they were sent or dropped. Costs a block: for kilobytes, not for bytes. False: the reply is muted, has failed,
 * or memory is short (it has failed then); nothing is called. reply_can_attach: neither muted nor failed. */
bool reply_attach(struct reply *r, size_t n, reply_piece piece, reply_release release, void *owner);
static inline bool reply_can_attach(const struct reply *r)
{
    return !r->muted && !r->failed;
}

/* An aggregate whose length is known only later: begin, append the elements, end with the count. They may nest. Nothing
 * may be sent between begin and end. */
typedef struct {
    struct reply_block *head;
} reply_mark;
reply_mark reply_defer(struct reply *r);
void reply_defer_array(struct reply *r, reply_mark m, size_t n);
void reply_defer_map(struct reply *r, reply_mark m, size_t pairs);
void reply_defer_set(struct reply *r, reply_mark m, size_t n);

#endif
