/* Connections, as the files that move their bytes see them: conn*.c, batch.c, worker.c. */
#ifndef FLAGSTONE_SERVER_CONN_PRIVATE_H
#define FLAGSTONE_SERVER_CONN_PRIVATE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "protocol/resp_parse.h"
#include "server/big.h"
#include "server/conn.h"

struct kept;
struct pin;
struct txn;
struct subs;
struct watcher;

/* What a connection is besides its public face. The conn comes first, so one pointer is both. */
struct conn_io {
    struct conn c;
    struct event readable;  /* armed unless the connection is held */
    struct event *writable; /* made while the socket is full */
    struct resp_parser parser;
    char *in; /* bytes that came and are not parsed: NULL for an idle connection */
    size_t in_len, in_cap;
    struct big *big;     /* a large value that is being received, or CONN_NO_MEMORY: it is thrown away */
    size_t big_left;     /* bytes of it that are still to come */
    size_t arrived;      /* bytes that the large arguments take which have come of the command that is being parsed */
    struct kept *parked; /* commands that wait for the end of CLIENT PAUSE, or of one before, oldest first */
    struct kept *parked_last;
    struct pin *pins;            /* large values that it is sent (pin.h); the worker's pins_lock */
    struct txn *txn;             /* MULTI: what is queued; NULL outside of it */
    struct subs *subs;           /* pub/sub: NULL where nothing is subscribed to */
    struct conn *delivered_next; /* worker->delivered */
    struct watcher *watcher;     /* WATCH: NULL where nothing is watched */
    struct conn *paused_next;    /* worker->paused */
    struct conn *monitor_next;   /* worker->monitors */
    uint32_t reply_mean; /* bytes of a reply, as of its last requests: how many may run before replies are sent */
    uint32_t purge;      /* CONN_BLOCKED: for the end of this purge */
    uint8_t bigs;        /* large arguments received for the command that is being parsed (stops at 255) */
    bool in_batch;       /* has requests in the worker's batch: must not be freed now */
    bool reading;        /* `readable` is armed */
    bool waiting;        /* held because replies pile up */
    bool in_paused_list;
    bool in_delivered; /* messages wait to be sent */
};

static inline struct conn_io *conn_io(struct conn *c)
{
    return (struct conn_io *)c;
}

/* Stands for a large argument that was thrown away for want of memory: the command is answered OOM. */
extern const char conn_no_memory[1];
#define CONN_NO_MEMORY ((struct big *)(uintptr_t)conn_no_memory)

/* How many bytes a connection may have waiting before its requests are left unread while client memory is short, and
 * how many are sent in one go before others get their turn. */
enum { CONN_REPLY_GUESS = 2048 }; /* reply_mean of a connection that has not asked yet */
enum { CONN_PENDING_SMALL = 256 * 1024, CONN_SEND_MAX = 1024 * 1024, CONN_SENT_NOW = 64 * 1024 };

/* conn.c */
struct conn *conn_new(struct worker *w, int fd, const struct conn_origin *origin); /* NULL: memory is short */
void conn_free(struct conn *c);    /* at once; it must not be in the batch */
void conn_drop(struct conn *c);    /* frees it, or marks it so that the batch does */
void conn_account(struct conn *c); /* brings the shared sizes and the worker's sum up to date */
void conn_hold(struct conn *c);    /* no more reading, until conn_unhold */
void conn_unhold(struct conn *c);

/* conn_input.c */
void conn_on_readable(evutil_socket_t fd, short what, void *arg);
void conn_resume(struct conn *c); /* later in this turn: reads again, beginning with what is in its own buffer */
void conn_keep_tail(struct conn *c, const char *p, size_t n); /* the unparsed bytes become its own buffer's content */
bool conn_over_input_limit(const struct conn *c);

/* conn_big.c */
void conn_big_start(struct conn *c, size_t len);
size_t conn_big_feed(struct conn *c, const char *p, size_t n); /* returns how many it took */
void conn_big_receive(struct conn *c);                         /* reads from the socket; may free the connection */
void conn_drop_big(void *worker, void *big);

/* conn_output.c */
void conn_send(struct conn *c);             /* sends what is pending; may mark the connection CONN_CLOSE_ASAP */
bool conn_must_wait(const struct conn *c);  /* replies pile up and memory is short: execute no more of it now */
void conn_close_over_limit(struct conn *c); /* logs, counts and marks it: it reads too slowly */
void conn_check_limits(struct conn *c);     /* marks it CONN_CLOSE_ASAP where it is over its buffer limits */
void conn_finish(struct conn *c); /* after its requests ran: sends, or holds, or closes; may free the connection */

/* conn_drain.c: the end of the server */
void conn_drain_all(struct worker *w);  /* begins: runs the batch, reads no more */
void conn_drain_more(struct worker *w); /* closes who has got everything; comes again until all have */
bool conn_is_drained(struct conn *c);   /* nothing is owed to it, in the server or in the kernel */

/* conn_pause.c */
bool conn_is_paused(struct conn *c, const struct command *cmd, int64_t now_ms);
bool conn_park(struct conn *c, struct arg *argv, int argc); /* false: memory is short; the connection is dropped */
void conn_unpark_all(struct worker *w);                     /* runs what waited, where the pause is over */
/* Its command is answered later; what follows is parked until then. Its worker, inside of the command. */
void conn_block(struct conn *c);
/* Calls answer(arg, c) for the blocked connections of the worker: true says that it was answered and goes on. */
void conn_unblock(struct worker *w, bool (*answer)(void *arg, struct conn *c), void *arg);
void conn_forget_parked(struct conn *c);
size_t conn_parked_memory(const struct conn *c, size_t *large); /* as kept_memory */

#endif
