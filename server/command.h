/* Commands: the entry of the table, and what a handler is given.
 *
 * A command's life: parse -> find (this table) -> checks (arity, auth, memory) -> lock the shards of its keys in
 * ascending order -> handler -> unlock -> (CMD_RETRY: reclaim memory, again from the lock) -> statistics. */
#ifndef FLAGSTONE_SERVER_COMMAND_H
#define FLAGSTONE_SERVER_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/reply.h"
#include "protocol/request.h"
#include "server/store.h"

struct server;
struct worker;
struct conn;

enum cmd_status {
    CMD_DONE,  /* replied */
    CMD_RETRY, /* a chunk was missing (STORE_SHORT): nothing was changed and nothing was replied; the dispatcher
                  unlocks, reclaims and calls again, or answers Redis's OOM error */
};

/* What a handler is given. Everything lives until it returns. */
struct cmd_ctx {
    struct server *srv;
    struct worker *wkr;
    struct conn *conn;
    struct reply *out;
    struct store_ctx *sx; /* this thread's door to the store */
    const struct command *cmd;
    struct arg *argv; /* argv[0] is the name as sent */
    int argc;
    uint16_t db;             /* the physical number of the connection's database */
    const struct skey *keys; /* the keys that the key spec names, in argument order, hashed; their shards are locked
                                unless the command has CMD_NOLOCK */
    uint32_t nkeys;
    int64_t now_ms; /* Unix time, read once a loop turn */
    bool locked;    /* for EXEC: the keys' shards were locked before, and stay so */
    bool in_exec;   /* run by EXEC: it must be answered now */
    bool notify;    /* what happens to keys is to be noted (notify.h) */
};

typedef enum cmd_status (*cmd_handler)(struct cmd_ctx *c);

/* Redis's command flags (COMMAND INFO), then our own. */
enum cmd_flag {
    CMD_WRITE = 1 << 0,
    CMD_READONLY = 1 << 1,
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7,
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_ASKING = 1 << 11,
    CMD_FAST = 1 << 12,
    CMD_NO_AUTH = 1 << 13,
    CMD_MAY_REPLICATE = 1 << 14,
    CMD_NO_ASYNC_LOADING = 1 << 15,
    CMD_NO_MULTI = 1 << 16,
    CMD_MOVABLEKEYS = 1 << 17,
    CMD_ALLOW_BUSY = 1 << 18,
    CMD_NO_MANDATORY_KEYS = 1 << 19,
    CMD_NOLOCK = 1 << 24, /* ours: the handler locks by itself (store_lock), or needs no shard */
};

/* ACL categories, one bit each; the order is Redis's (ACL CAT). */
enum cmd_category {
    CAT_KEYSPACE = 1 << 0,
    CAT_READ = 1 << 1,
    CAT_WRITE = 1 << 2,
    CAT_SET = 1 << 3,
    CAT_SORTEDSET = 1 << 4,
    CAT_LIST = 1 << 5,
    CAT_HASH = 1 << 6,
    CAT_STRING = 1 << 7,
    CAT_BITMAP = 1 << 8,
    CAT_HYPERLOGLOG = 1 << 9,
    CAT_GEO = 1 << 10,
    CAT_STREAM = 1 << 11,
    CAT_PUBSUB = 1 << 12,
    CAT_ADMIN = 1 << 13,
    CAT_FAST = 1 << 14,
    CAT_SLOW = 1 << 15,
    CAT_BLOCKING = 1 << 16,
    CAT_DANGEROUS = 1 << 17,
    CAT_CONNECTION = 1 << 18,
    CAT_TRANSACTION = 1 << 19,
    CAT_SCRIPTING = 1 << 20,
};

enum { COMMAND_CATEGORIES = 21 };

/* The name of category number i ("keyspace"); the number of a name, in any case, -1: there is none. */
const char *command_category_name(int i);
int command_category_find(const char *name, size_t n);

/* A key specification (COMMAND INFO's last field): keys stand at first, first+step, ... up to last; last < 0 counts
 * from the last argument; first 0: behind SORT's STORE, which Redis calls unknown. flags are Redis's key-spec flags,
 * space separated ("RW access update"). */
struct cmd_keyspec {
    int16_t first, last, step;
    const char *flags;
    const char *notes; /* NULL: none */
};

/* An argument's description for COMMAND DOCS; nested ones follow in `sub`. */
struct cmd_argdoc {
    const char *name, *type;      /* type: string integer double key pattern unix-time pure-token oneof block */
    const char *token;            /* NULL: none */
    const char *since;            /* NULL: as the command */
    const char *deprecated_since; /* NULL: it is not */
    const char *flags;            /* "optional multiple multiple_token", NULL: none */
    int8_t key_spec;              /* -1: none */
    uint8_t nsub;
    const struct cmd_argdoc *sub;
};

/* What changed in a command, and in which version. */
struct cmd_history {
    const char *version, *text;
};

/* A command. What the dispatcher reads comes first and fits in a cache line; the rest is documentation. Lists of words
 * are space separated; what a command does not have is NULL. */
struct command {
    cmd_handler handler; /* NULL for a container whose subcommands have the handlers */
    const char *name;    /* lower case; a subcommand's is "config|get" */
    int32_t arity;       /* as Redis: with the name, negative is "at least" */
    uint32_t flags;      /* enum cmd_flag */
    uint32_t categories; /* enum cmd_category */
    uint16_t id;         /* index into per-command statistics; subcommands have their own */
    uint8_t nkeyspecs;
    uint8_t nsub;
    struct cmd_keyspec keys[2];
    const struct command *sub; /* subcommands */

    const char *group, *since, *complexity, *summary;
    const char *tips;      /* for clients of clusters: "request_policy:all_shards ..." */
    const char *doc_flags; /* "deprecated syscmd" */
    const char *deprecated_since, *replaced_by;
    const struct cmd_history *history;
    const struct cmd_argdoc *args;
    uint8_t nhistory;
    uint8_t nargs;
} __attribute__((aligned(64)));

/* Finds by name, in any case; argv[0].p is not terminated; argc >= 1. For a container it looks on for the subcommand
 * argv[1] and returns that, or the container itself where there is none (command_lacks_sub). NULL: unknown.
 * Neither allocates nor writes. */
const struct command *command_find(const struct arg *argv, int argc);

/* The same for a name as it is written in the table, with its container ("config|get"); `n` is its length in bytes. */
const struct command *command_find_name(const char *name, size_t n);

/* What was found is a container, and the subcommand that was asked for is not among its own: the error is
 * "ERR unknown subcommand 'x'. Try CONFIG HELP.". Without a subcommand the container's arity says what is wrong. */
static inline bool command_lacks_sub(const struct command *found, int argc)
{
    return found->nsub > 0 && argc > 1;
}

/* "config|get" is called "get" by its container. */
const char *command_sub_name(const struct command *container, const struct command *sub);

/* The whole table, for COMMAND and statistics: `n` commands, each with its subcommands in `sub`. */
const struct command *const *command_table(int *n);

/* All ids are below command_count(), subcommands included; by_id returns NULL from there on. */
uint16_t command_count(void);
const struct command *command_by_id(uint16_t id);

/* Writes the README's list of commands, a Markdown table a group. */
void command_print_table(FILE *to);

#endif
