/* The command table: ACL. How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

enum {
    ASKS = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    ADMINISTERS = CMD_ADMIN | ASKS,
    OF_ADMINISTRATORS = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
};

static const struct cmd_argdoc acl_cat_args[] = {{ARG("categoryname", "string"), .flags = "optional"}};

static const struct cmd_argdoc acl_deluser_args[] = {{ARG("username", "string"), .flags = "multiple"}};

static const struct cmd_argdoc acl_dryrun_args[] = {
    {ARG("username", "string")},
    {ARG("command", "string")},
    {ARG("arg", "string"), .flags = "optional multiple"},
};

static const struct cmd_argdoc acl_genpass_args[] = {{ARG("bits", "integer"), .flags = "optional"}};

static const struct cmd_history acl_getuser_history[] = {
    {"6.2.0", "Added Pub/Sub channel patterns."},
    {"7.0.0", "Added selectors and changed the format of key and channel patterns from a list to their rule "
              "representation."},
};

static const struct cmd_argdoc acl_getuser_args[] = {{ARG("username", "string")}};

static const struct cmd_argdoc acl_log_operation[] = {{ARG("count", "integer")}, {TOKEN("reset", "RESET")}};

static const struct cmd_argdoc acl_log_args[] = {
    {ARG("operation", "oneof"), .flags = "optional", NESTED(acl_log_operation)},
};

static const struct cmd_history acl_setuser_history[] = {
    {"6.2.0", "Added Pub/Sub channel patterns."},
    {"7.0.0", "Added selectors and key based permissions."},
};

static const struct cmd_argdoc acl_setuser_args[] = {
    {ARG("username", "string")},
    {ARG("rule", "string"), .flags = "optional multiple"},
};

static const struct command acl_subs[] = {
    {
        SUB(acl, cat, "cat"),
        .arity = -2,
        .group = "server",
        .since = "6.0.0",
        .flags = ASKS,
        .categories = CAT_SLOW,
        .summary = "List the ACL categories or the commands inside a category",
        .complexity = "O(1) since the categories and commands are a fixed set.",
        ARGS(acl_cat_args),
    },
    {
        SUB(acl, deluser, "deluser"),
        .arity = -3,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Remove the specified ACL users and the associated rules",
        .complexity = "O(1) amortized time considering the typical user.",
        ARGS(acl_deluser_args),
    },
    {
        SUB(acl, dryrun, "dryrun"),
        .arity = -4,
        .group = "server",
        .since = "7.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Returns whether the user can execute the given command without executing the command.",
        .complexity = "O(1).",
        ARGS(acl_dryrun_args),
    },
    {
        SUB(acl, genpass, "genpass"),
        .arity = -2,
        .group = "server",
        .since = "6.0.0",
        .flags = ASKS,
        .categories = CAT_SLOW,
        .summary = "Generate a pseudorandom secure password to use for ACL users",
        .complexity = "O(1)",
        ARGS(acl_genpass_args),
    },
    {
        SUB(acl, getuser, "getuser"),
        .arity = 3,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Get the rules for a specific ACL user",
        .complexity = "O(N). Where N is the number of password, command and pattern rules that the user has.",
        HISTORY(acl_getuser_history),
        ARGS(acl_getuser_args),
    },
    {
        SUB(acl, list, "list"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "List the current ACL rules in ACL config file format",
        .complexity = "O(N). Where N is the number of configured users.",
    },
    {
        SUB(acl, load, "load"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Reload the ACLs from the configured ACL file",
        .complexity = "O(N). Where N is the number of configured users.",
    },
    {
        SUB(acl, log, "log"),
        .arity = -2,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "List latest events denied because of ACLs in place",
        .complexity = "O(N) with N being the number of entries shown.",
        ARGS(acl_log_args),
    },
    {
        SUB(acl, save, "save"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Save the current ACL rules in the configured ACL file",
        .complexity = "O(N). Where N is the number of configured users.",
    },
    {
        SUB(acl, setuser, "setuser"),
        .arity = -3,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "Modify or create the rules for a specific ACL user",
        .complexity = "O(N). Where N is the number of rules provided.",
        HISTORY(acl_setuser_history),
        ARGS(acl_setuser_args),
    },
    {
        SUB(acl, users, "users"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = ADMINISTERS,
        .categories = OF_ADMINISTRATORS,
        .summary = "List the username of all the configured ACL rules",
        .complexity = "O(N). Where N is the number of configured users.",
    },
    {
        SUB(acl, whoami, "whoami"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = ASKS,
        .categories = CAT_SLOW,
        .summary = "Return the name of the user associated to the current connection",
        .complexity = "O(1)",
    },
    {
        SUB(acl, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "6.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_acl = {
    CONTAINER(acl),
    .arity = -2,
    .group = "server",
    .since = "6.0.0",
    .categories = CAT_SLOW,
    .summary = "A container for Access List Control commands ",
    .complexity = "Depends on subcommand.",
};
