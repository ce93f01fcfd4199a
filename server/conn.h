/* Connections: what the rest of the server sees of them. How bytes come and go is in conn_io.c; conn_private.h.
 *
 * A connection belongs to one worker and only its thread touches it, but for the fields marked [shared]: those are
 * atomics that the owner writes and any thread may read while it holds the registry's lock (clients.h). Strings
 * marked [strings] are changed by the owner under that lock. An idle connection owns no buffers. */
#ifndef FLAGSTONE_SERVER_CONN_H
#define FLAGSTONE_SERVER_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reply.h"

struct acl_user;
struct command;
struct worker;

enum { CONN_MAGIC = 0x434f4e4e };

enum conn_flag {
    CONN_AUTHENTICATED = 1 << 0,
    CONN_UNIX = 1 << 1, /* came over the unix socket */
    CONN_MONITOR = 1 << 2,
    CONN_PUBSUB = 1 << 3,
    CONN_CLOSE_ASAP = 1 << 4, /* close as soon as the worker comes to it; nothing more is sent */
    CONN_CLOSE_AFTER_REPLY = 1 << 5,
    CONN_REPLY_OFF = 1 << 6, /* CLIENT REPLY OFF */
    CONN_REPLY_SKIP_NEXT = 1 << 7,
    CONN_REPLY_SKIP = 1 << 8,
    CONN_NO_EVICT = 1 << 9,
    CONN_NO_TOUCH = 1 << 10,
    CONN_PAUSED = 1 << 11,      /* waits for the end of CLIENT PAUSE */
    CONN_KILLED = 1 << 12,      /* another thread asked for its end */
    CONN_WANTS_WRITE = 1 << 13, /* the socket is full: a write event is armed */
    CONN_IN_BATCH = 1 << 14,    /* has requests in the worker's batch */
    CONN_PUBLISHER = 1 << 17,   /* its messages pile up: it is not read (pubsub.h) */
    CONN_MULTI = 1 << 16,       /* commands are queued until EXEC (txn.h) */
    CONN_BLOCKED = 1 << 19,     /* its last command is answered later: it runs nothing until then */
    CONN_CUT = 1 << 24,         /* it goes for the memory that it holds; counted in server.leaving */
    CONN_LOCAL = 1 << 15,       /* loopback or unix: protected-mode lets it in */
    CONN_LIMITED = 1 << 20,     /* its user may not do everything: each command is looked at (acl.h) */
    CONN_AUTH_LENT = 1 << 21,   /* authenticated only while the default user needs no password */
};

/* A socket address in few bytes. */
struct conn_addr {
    uint8_t ip[16];
    uint16_t port;
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX, 0: unknown */
};

/* Where a connection came from. */
struct conn_origin {
    uint32_t flags; /* CONN_UNIX, CONN_LOCAL */
    struct conn_addr peer, local;
};

struct conn {
    uint32_t magic;
    int fd;
    uint64_t id; /* never given twice */
    struct worker *wkr;
    struct conn *prev, *next; /* the worker's registry; its lock */
    struct reply out;

    _Atomic uint32_t flags; /* enum conn_flag [shared]; CONN_KILLED is set by others */
    _Atomic int32_t db;     /* the logical database [shared] */
    _Atomic uint8_t resp;   /* 2 or 3 [shared]; out.resp is what replies go by */
    struct conn_addr peer, local;
    int64_t created_ms;
    _Atomic int64_t active_ms;           /* the last time that bytes came or went [shared] */
    _Atomic(const struct command *) cmd; /* the last command [shared] */
    _Atomic int32_t queued;              /* commands in MULTI, -1: none is open [shared] */
    _Atomic uint32_t watching;           /* keys [shared] */
    _Atomic uint32_t subscribed[3];      /* topics by enum topic_kind (pubsub.h) [shared] */
    _Atomic uint32_t input_bytes;        /* in its query buffer [shared] */
    _Atomic uint32_t input_room;         /* allocated for it [shared] */
    _Atomic uint64_t output_bytes;       /* waiting to be sent [shared] */
    _Atomic uint64_t incoming;           /* bytes of `memory`: values on their way in [shared] */
    _Atomic uint64_t memory;             /* bytes that are its own: struct, query buffer, replies [shared] */
    int64_t soft_limit_since_ms;         /* over the soft output limit since then, 0: not */
    char *name, *lib_name, *lib_ver;     /* NULL: none [strings] */
    struct acl_user *user;               /* by whose right it acts [strings] */
};

/* What the client is charged, in bytes: what is its own, and its share of what it keeps pinned (pin.h). Its worker, or
 * any thread with the lock of the worker's registry. */
size_t conn_charge(struct conn *c);

/* Sets and clears flags; the owner's thread only. */
static inline uint32_t conn_flags(const struct conn *c)
{
    return atomic_load_explicit(&c->flags, memory_order_relaxed);
}

static inline bool conn_has(const struct conn *c, uint32_t flags)
{
    return (conn_flags(c) & flags) != 0;
}

void conn_set(struct conn *c, uint32_t flags);
void conn_clear(struct conn *c, uint32_t flags);

/* The logical database that is selected; conn_select changes it (the caller has checked the range). */
static inline int conn_db(const struct conn *c)
{
    return atomic_load_explicit(&c->db, memory_order_relaxed);
}

void conn_select(struct conn *c, int db);

/* Switches to RESP 2 or 3. */
void conn_protocol(struct conn *c, int resp);

/* Back to a fresh connection (RESET): database 0, RESP2, no name, no MONITOR, the default user, not authenticated where
 * that has a password. */
void conn_reset(struct conn *c);

/* The connection is closed after the replies that are pending were sent, and reads no more. */
void conn_close_after_reply(struct conn *c);

/* "127.0.0.1:6379", "[::1]:6379" or "/path:0"; returns the length. */
enum { CONN_ADDR_CHARS = 128 };
size_t conn_addr_text(const struct conn *c, const struct conn_addr *a, char *buf, size_t size);

/* Sets a string field ([strings] above): a copy of n bytes, NULL with n = 0. False: memory is short. */
bool conn_set_string(struct conn *c, char **field, const char *p, size_t n);

#endif
