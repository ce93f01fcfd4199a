/* The command table: scripts, functions, replication and modules, which do not exist here, and what is said of them.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

const struct command row_eval = {
    .name = "eval",
    .handler = cmd_absent_scripts,
    .id = ID_eval,
    .arity = -3,
    .group = "scripting",
    .since = "2.6.0",
    .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Execute a Lua script: refused, there are no scripts",
};

const struct command row_eval_ro = {
    .name = "eval_ro",
    .handler = cmd_absent_scripts,
    .id = ID_eval_ro,
    .arity = -3,
    .group = "scripting",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Execute a Lua script: refused, there are no scripts",
};

const struct command row_evalsha = {
    .name = "evalsha",
    .handler = cmd_absent_scripts,
    .id = ID_evalsha,
    .arity = -3,
    .group = "scripting",
    .since = "2.6.0",
    .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Execute a Lua script: refused, there are no scripts",
};

const struct command row_evalsha_ro = {
    .name = "evalsha_ro",
    .handler = cmd_absent_scripts,
    .id = ID_evalsha_ro,
    .arity = -3,
    .group = "scripting",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Execute a Lua script: refused, there are no scripts",
};

const struct command row_fcall = {
    .name = "fcall",
    .handler = cmd_absent_scripts,
    .id = ID_fcall,
    .arity = -3,
    .group = "scripting",
    .since = "7.0.0",
    .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Call a function: refused, there are no functions",
};

const struct command row_fcall_ro = {
    .name = "fcall_ro",
    .handler = cmd_absent_scripts,
    .id = ID_fcall_ro,
    .arity = -3,
    .group = "scripting",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
    .categories = CAT_SLOW | CAT_SCRIPTING,
    .summary = "Call a function: refused, there are no functions",
};

const struct command row_script = {
    .name = "script",
    .handler = cmd_absent_scripts,
    .id = ID_script,
    .arity = -2,
    .group = "scripting",
    .since = "2.6.0",
    .categories = CAT_SLOW,
    .summary = "Manage Lua scripts: refused, there are no scripts",
};

const struct command row_function = {
    .name = "function",
    .handler = cmd_absent_scripts,
    .id = ID_function,
    .arity = -2,
    .group = "scripting",
    .since = "7.0.0",
    .categories = CAT_SLOW,
    .summary = "Manage functions: refused, there are no functions",
};

static const struct cmd_argdoc replicaof_args[] = {{ARG("host", "string")}, {ARG("port", "integer")}};

const struct command row_replicaof = {
    NAMED(replicaof),
    .arity = 3,
    .group = "server",
    .since = "5.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Make the server a replica: refused but for NO ONE, which it is always",
    ARGS(replicaof_args),
};

const struct command row_slaveof = {
    .name = "slaveof",
    .handler = cmd_replicaof,
    .id = ID_slaveof,
    .arity = 3,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Make the server a replica: refused but for NO ONE, which it is always",
    .doc_flags = "deprecated",
    .deprecated_since = "5.0.0",
    .replaced_by = "`REPLICAOF`",
    ARGS(replicaof_args),
};

const struct command row_sync = {
    .name = "sync",
    .handler = cmd_absent_replication,
    .id = ID_sync,
    .arity = 1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Begin replication: refused",
};

const struct command row_psync = {
    .name = "psync",
    .handler = cmd_absent_replication,
    .id = ID_psync,
    .arity = -3,
    .group = "server",
    .since = "2.8.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Begin or resume replication: refused",
};

static const struct command module_subs[] = {
    {
        SUB(module, list, "list"),
        .arity = 2,
        .group = "server",
        .since = "4.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "List loaded modules: none",
        .tips = "nondeterministic_output_order",
    },
    {
        .name = "module|load",
        .handler = cmd_absent_modules,
        .id = ID_module_load,
        .arity = -3,
        .group = "server",
        .since = "4.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Load a module: refused",
    },
    {
        .name = "module|loadex",
        .handler = cmd_absent_modules,
        .id = ID_module_loadex,
        .arity = -3,
        .group = "server",
        .since = "7.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Load a module with options: refused",
    },
    {
        .name = "module|unload",
        .handler = cmd_absent_modules,
        .id = ID_module_unload,
        .arity = 3,
        .group = "server",
        .since = "4.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Unload a module: refused",
    },
    {
        SUB(module, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "5.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
    },
};

const struct command row_module = {
    CONTAINER(module),      .arity = -2,
    .group = "server",      .since = "4.0.0",
    .categories = CAT_SLOW, .summary = "A container for module commands",
};
