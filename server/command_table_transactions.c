/* The command table: transactions.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

const struct command row_multi = {
    NAMED(multi),
    .arity = 1,
    .group = "transactions",
    .since = "1.2.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_TRANSACTION,
    .summary = "Mark the start of a transaction block",
    .complexity = "O(1)",
};

const struct command row_exec = {
    NAMED(exec),
    .arity = 1,
    .group = "transactions",
    .since = "1.2.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG,
    .categories = CAT_SLOW | CAT_TRANSACTION,
    .summary = "Execute all commands issued after MULTI",
    .complexity = "Depends on commands in the transaction",
};

const struct command row_discard = {
    NAMED(discard),
    .arity = 1,
    .group = "transactions",
    .since = "2.0.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_TRANSACTION,
    .summary = "Discard all commands issued after MULTI",
    .complexity = "O(N), when N is the number of queued commands",
};

static const struct cmd_argdoc watch_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_watch = {
    NAMED(watch),
    .arity = -2,
    .group = "transactions",
    .since = "2.2.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_TRANSACTION,
    .summary = "Watch the given keys to determine execution of the MULTI/EXEC block",
    .complexity = "O(1) for every key.",
    KEYS(1, {1, -1, 1, "RO", NULL}),
    ARGS(watch_args),
};

const struct command row_unwatch = {
    NAMED(unwatch),
    .arity = 1,
    .group = "transactions",
    .since = "2.2.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_TRANSACTION,
    .summary = "Forget about all watched keys",
    .complexity = "O(1)",
};
