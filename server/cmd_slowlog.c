/* SLOWLOG: what slowlog.c keeps, as clients ask for it. slowlog-max-len is applied whenever the log is looked at, so a
 * lowered one takes effect at once. */
#include <stdint.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/options.h"
#include "server/server.h"
#include "server/slowlog.h"

enum { GET_DEFAULT = 10 };

static struct slowlog *log_of(const struct cmd_ctx *c)
{
    slowlog_trim(c->srv->slowlog, (size_t)OPT(c->srv->opt, slowlog_max_len));
    return c->srv->slowlog;
}

enum cmd_status cmd_slowlog_get(struct cmd_ctx *c)
{
    static const char bad_count[] = "ERR count should be greater than or equal to -1";
    int64_t count = GET_DEFAULT;
    if (c->argc > 3) {
        reply_unknown_subcommand(c);
        return CMD_DONE;
    }
    if (c->argc == 3) {
        if (!arg_int(c, &c->argv[2], bad_count, &count))
            return CMD_DONE;
        if (count < -1) {
            reply_error(c->out, bad_count);
            return CMD_DONE;
        }
    }
    slowlog_reply(log_of(c), c->out, count == -1 ? SIZE_MAX : (size_t)count);
    return CMD_DONE;
}

enum cmd_status cmd_slowlog_len(struct cmd_ctx *c)
{
    reply_int(c->out, (int64_t)slowlog_len(log_of(c)));
    return CMD_DONE;
}

enum cmd_status cmd_slowlog_reset(struct cmd_ctx *c)
{
    slowlog_reset(c->srv->slowlog);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_slowlog_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
