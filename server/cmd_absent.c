/* What Redis has and Flagstone has not: clusters, replicas, scripts, modules, tracking. Each command answers what is
 * true of a server without it, in Redis's words where Redis has some, or says that it is not supported. */
#include <ctype.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/help.h"

enum { WORD_CHARS = 32 };

/* "ERR CLIENT TRACKING is not supported: <why>", with the command as the table names it. */
static enum cmd_status refuse(struct cmd_ctx *c, const char *why)
{
    char name[WORD_CHARS];
    size_t n = 0;
    for (const char *p = c->cmd->name; *p != '\0' && n < sizeof name - 1; p++)
        name[n++] = *p == '|' ? ' ' : (char)toupper((unsigned char)*p);
    name[n] = '\0';
    reply_errorf(c->out, "ERR %s is not supported: %s", name, why);
    return CMD_DONE;
}

enum cmd_status cmd_cluster_disabled(struct cmd_ctx *c)
{
    reply_error(c->out, "ERR This instance has cluster support disabled");
    return CMD_DONE;
}

enum cmd_status cmd_readonly(struct cmd_ctx *c)
{
    return cmd_cluster_disabled(c);
}

enum cmd_status cmd_readwrite(struct cmd_ctx *c)
{
    return cmd_cluster_disabled(c);
}

enum cmd_status cmd_asking(struct cmd_ctx *c)
{
    return cmd_cluster_disabled(c);
}

enum cmd_status cmd_absent_scripts(struct cmd_ctx *c)
{
    return refuse(c, "there are no scripts and functions here");
}

enum cmd_status cmd_absent_modules(struct cmd_ctx *c)
{
    return refuse(c, "there are no modules here");
}

enum cmd_status cmd_absent_replication(struct cmd_ctx *c)
{
    return refuse(c, "there is no replication here");
}

/* NO ONE is what it is anyway. */
enum cmd_status cmd_replicaof(struct cmd_ctx *c)
{
    int64_t port;
    if (arg_is(&c->argv[1], "no") && arg_is(&c->argv[2], "one")) {
        reply_ok(c->out);
        return CMD_DONE;
    }
    if (!arg_int(c, &c->argv[2], "ERR Invalid master port", &port))
        return CMD_DONE;
    if (port >= 0 && port <= UINT16_MAX)
        return cmd_absent_replication(c);
    reply_error(c->out, "ERR Invalid master port");
    return CMD_DONE;
}

enum cmd_status cmd_role(struct cmd_ctx *c)
{
    reply_array(c->out, 3);
    reply_cstr(c->out, "master");
    reply_int(c->out, 0);
    reply_array(c->out, 0);
    return CMD_DONE;
}

/* How many replicas have what was written: none, and waiting makes no more of them. */
enum cmd_status cmd_wait(struct cmd_ctx *c)
{
    int64_t replicas, timeout_ms;
    if (!arg_int(c, &c->argv[1], NULL, &replicas) ||
        !arg_int(c, &c->argv[2], "ERR timeout is not an integer or out of range", &timeout_ms))
        return CMD_DONE;
    if (timeout_ms < 0)
        reply_error(c->out, "ERR timeout is negative");
    else
        reply_int(c->out, 0);
    return CMD_DONE;
}

enum cmd_status cmd_module_list(struct cmd_ctx *c)
{
    reply_array(c->out, 0);
    return CMD_DONE;
}

enum cmd_status cmd_module_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "LIST",
        "    Return a list of loaded modules.",
        "LOAD <path> [<arg> ...]",
        "    Load a module library from <path>, passing to it any optional arguments.",
        "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
        "    Load a module library from <path>, while passing it module configurations and optional arguments.",
        "UNLOAD <name>",
        "    Unload a module.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}

/* ---- tracking: it is always off ---------------------------------------------------------------------------------- */

enum cmd_status cmd_client_getredir(struct cmd_ctx *c)
{
    reply_int(c->out, -1);
    return CMD_DONE;
}

enum cmd_status cmd_client_trackinginfo(struct cmd_ctx *c)
{
    reply_map(c->out, 3);
    reply_cstr(c->out, "flags");
    reply_set(c->out, 1);
    reply_cstr(c->out, "off");
    reply_cstr(c->out, "redirect");
    reply_int(c->out, -1);
    reply_cstr(c->out, "prefixes");
    reply_array(c->out, 0);
    return CMD_DONE;
}

/* True where the options behind ON or OFF are such as there are. */
static bool tracking_options_ok(struct cmd_ctx *c)
{
    for (int i = 3; i < c->argc; i++) {
        const struct arg *a = &c->argv[i];
        if (arg_is(a, "bcast") || arg_is(a, "optin") || arg_is(a, "optout") || arg_is(a, "noloop"))
            continue;
        if ((!arg_is(a, "redirect") && !arg_is(a, "prefix")) || ++i == c->argc)
            return false;
    }
    return true;
}

enum cmd_status cmd_client_tracking(struct cmd_ctx *c)
{
    bool on = arg_is(&c->argv[2], "on");
    if (!tracking_options_ok(c) || (!on && !arg_is(&c->argv[2], "off"))) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    if (on)
        return refuse(c, "nobody is told of changes but by keyspace notifications");
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_client_caching(struct cmd_ctx *c)
{
    reply_error(c->out, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                        "OPTOUT mode enabled");
    return CMD_DONE;
}
