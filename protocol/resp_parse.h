/* Requests: RESP arrays of bulk strings and inline commands, parsed in place and resumably.
 *
 * The connection owns the bytes, the worker owns the arguments (struct resp_args, shared by all its connections), the
 * parser owns only what it must remember of a command that has not wholly arrived: nothing, for an idle connection.
 *
 *   for (size_t at = 0;;) {
 *       st = resp_parse(&conn->parser, limits, buf + at, len - at, &worker->args, &res);
 *       at += res.consumed;
 *       if (st != RESP_COMMAND)
 *           break;
 *       batch[n++] = (struct cmd){res.first, res.argc}; // worker->args.v[first .. first + argc)
 *   }
 *   ... run the batch, resp_args_clear(&worker->args), keep buf[at .. len) for the next call ...
 *
 * The first byte given to a call is always the first byte that earlier calls did not consume. Between calls the bytes
 * may move and grow, not change. A call costs time in proportion to what is new, however the bytes come in.
 * Arguments point into the buffer: run the batch before the bytes move.
 * RESP: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
#ifndef FLAGSTONE_PROTOCOL_RESP_PARSE_H
#define FLAGSTONE_PROTOCOL_RESP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/request.h"

enum {
    RESP_ARGS_MAX = 1024 * 1024,     /* arguments of a request */
    RESP_LINE_MAX = 64 * 1024,       /* bytes of an inline request or of a length line */
    RESP_UNAUTH_ARGS_MAX = 10,       /* before AUTH */
    RESP_UNAUTH_BULK_MAX = 16 * 1024 /* before AUTH, bytes */
};

struct resp_partial;

/* A connection's parser: all zero is a new one. The fields are the parser's own. */
struct resp_parser {
    struct resp_partial *partial; /* arguments so far, where looking at them again would cost; nearly always NULL */
    size_t need;                  /* with fewer bytes than this, nothing new can be said */
    size_t line, scanned;         /* the line that has no end yet, and how far that is known */
};

/* What a request may be. Looked at when a length is read, so AUTH and CONFIG SET show at once. A connection that is
 * not authenticated must run each command before the next is parsed (the next may be behind its AUTH). */
struct resp_limits {
    size_t bulk_max;      /* proto-max-bulk-len, bytes */
    size_t big_threshold; /* from this length on a bulk string is the connection's to receive (RESP_BIG); more than
                             the longest key. Never 0; SIZE_MAX: none */
    bool unauthenticated; /* the RESP_UNAUTH_ limits hold */
};

/* The arguments of all commands of a batch, one after the other: all zero is an empty one. It may be reallocated by a
 * call: remember indices. */
struct resp_args {
    struct arg *v;
    size_t n, cap;
};

enum resp_status {
    RESP_MORE,    /* no complete command: call again with more bytes behind these */
    RESP_COMMAND, /* args->v[first .. first + argc) is a command, argc >= 1 */
    RESP_BIG,     /* a bulk string of big_len bytes begins at buf[big_at]; see resp_big_done */
    RESP_ERROR,   /* reply res->error, close when it was sent; do not call again */
    RESP_NOMEM,   /* close; do not call again */
};

struct resp_result {
    size_t consumed; /* every status: bytes at the front that the parser is done with (those of the command's
                        arguments among them: they stay in use until it has run) */
    size_t first;    /* RESP_COMMAND */
    uint32_t argc;
    size_t big_at;  /* RESP_BIG: counted from buf, as consumed is */
    size_t big_len; /* >= big_threshold */
    char error[64]; /* RESP_ERROR: for reply_error, "ERR Protocol error: ..." */
};

/* Parses one command from the len bytes at buf and appends its arguments to `args` (left as it was for any status but
 * RESP_COMMAND). Empty requests (a blank line, *0, *-1) are skipped. An inline command is unquoted in place, hence
 * buf is not const. */
enum resp_status resp_parse(struct resp_parser *ps, const struct resp_limits *lim, char *buf, size_t len,
                            struct resp_args *args, struct resp_result *res);

/* After RESP_BIG: the connection keeps buf[consumed .. big_at), takes the big_len bytes that follow (what it has of
 * them from the buffer, the rest from the socket) for itself, and calls this with what it made of them. It becomes
 * the `big` of that argument (p NULL, len big_len) when the command is complete; until then the parser holds it. Then
 * it parses on: the buffer holds the kept bytes, directly followed by what came behind the big_len bytes.
 * The name of a command (argument 0) never is RESP_BIG. `big` must not be NULL. */
void resp_big_done(struct resp_parser *ps, void *big);

/* Forgets an unfinished command and frees what was remembered of it; drop(arg, big) is called for each big argument
 * that it had. The parser is a new one then. For a connection that closes. */
typedef void (*resp_drop)(void *arg, void *big);
void resp_reset(struct resp_parser *ps, resp_drop drop, void *arg);

/* How many bytes from the first unconsumed one are needed at least before a call can say something new, 0: any. A hint
 * for the size of the buffer: at most what the announced bulk string needs, never more than big_threshold beyond the
 * bytes at hand, but for a command's name. */
static inline size_t resp_need(const struct resp_parser *ps)
{
    return ps->need;
}

/* Nothing is remembered: the next byte begins a request. */
static inline bool resp_is_fresh(const struct resp_parser *ps)
{
    return ps->partial == NULL && ps->need == 0;
}

/* The longest bulk string that is parsed in place, bytes. */
static inline size_t resp_bulk_max(const struct resp_limits *lim)
{
    return lim->bulk_max < lim->big_threshold ? lim->bulk_max : lim->big_threshold - 1;
}

/* Memory that the parser holds beyond the struct, bytes (big arguments are not counted). */
size_t resp_memory(const struct resp_parser *ps);

/* Empties (and after an uncommonly large batch, shrinks); frees. */
void resp_args_clear(struct resp_args *args);
void resp_args_free(struct resp_args *args);

#endif
