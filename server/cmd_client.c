/* CLIENT: what a connection asks about itself and sets for itself, and the pause. LIST and KILL are in
 * cmd_client_list.c. */
#include <string.h>

#include "server/args.h"
#include "server/client_name.h"
#include "server/clients.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/pause.h"
#include "server/put.h"
#include "server/server.h"
#include "server/store_ctx.h"
#include "server/value_reply.h"
#include "server/worker.h"

/* Sets a text of the connection (a field of struct conn); `what` is how the error calls it. */
static bool client_set_text(struct cmd_ctx *c, char **field, struct arg *text, const char *what)
{
    const char *p = arg_flatten(c, text);
    if (p == NULL && text->len > 0) {
        reply_no_memory(c);
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        if (p[i] < '!' || p[i] > '~') {
            reply_errorf(c->out, "ERR %s cannot contain spaces, newlines or special characters.", what);
            return false;
        }
    }
    if (conn_set_string(c->conn, field, p, text->len))
        return true;
    reply_no_memory(c);
    return false;
}

bool client_set_name(struct cmd_ctx *c, struct arg *name)
{
    return client_set_text(c, &c->conn->name, name, "Client names");
}

enum cmd_status cmd_client_id(struct cmd_ctx *c)
{
    reply_int(c->out, (int64_t)c->conn->id);
    return CMD_DONE;
}

enum cmd_status cmd_client_info(struct cmd_ctx *c)
{
    char line[CLIENTS_LINE_MAX];
    size_t n = clients_line(c->conn, c->now_ms, line, sizeof line - 1);
    line[n++] = '\n';
    reply_verbatim(c->out, "txt", line, n);
    return CMD_DONE;
}

enum cmd_status cmd_client_getname(struct cmd_ctx *c)
{
    if (c->conn->name == NULL)
        reply_null(c->out);
    else
        reply_cstr(c->out, c->conn->name);
    return CMD_DONE;
}

enum cmd_status cmd_client_setname(struct cmd_ctx *c)
{
    if (client_set_name(c, &c->argv[2]))
        reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_client_setinfo(struct cmd_ctx *c)
{
    struct arg *what = &c->argv[2], *text = &c->argv[3];
    bool done = false;
    if (arg_is(what, "lib-name"))
        done = client_set_text(c, &c->conn->lib_name, text, "lib-name");
    else if (arg_is(what, "lib-ver"))
        done = client_set_text(c, &c->conn->lib_ver, text, "lib-ver");
    else
        reply_errorf(c->out, "ERR Unrecognized option '%.*s'", what->p == NULL ? 0 : (int)what->len,
                     what->p == NULL ? "" : what->p);
    if (done)
        reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_client_pause(struct cmd_ctx *c)
{
    enum pause_mode mode = PAUSE_ALL;
    int64_t ms;
    if (c->argc > 4) {
        reply_errorf(c->out, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT HELP.",
                     (int)c->argv[1].len, c->argv[1].p);
        return CMD_DONE;
    }
    if (c->argc == 4 && arg_is(&c->argv[3], "write")) {
        mode = PAUSE_WRITE;
    } else if (c->argc == 4 && !arg_is(&c->argv[3], "all")) {
        reply_error(c->out, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return CMD_DONE;
    }
    if (!arg_int(c, &c->argv[2], "ERR timeout is not an integer or out of range", &ms))
        return CMD_DONE;
    if (ms < 0)
        reply_error(c->out, "ERR timeout is negative");
    else if (ms > INT64_MAX - c->now_ms)
        reply_error(c->out, "ERR timeout is out of range");
    else {
        pause_begin(c->srv, mode, c->now_ms + ms);
        reply_ok(c->out);
    }
    return CMD_DONE;
}

enum cmd_status cmd_client_unpause(struct cmd_ctx *c)
{
    pause_end(c->srv);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_client_reply(struct cmd_ctx *c)
{
    struct arg *mode = &c->argv[2];
    if (arg_is(mode, "on")) {
        conn_clear(c->conn, CONN_REPLY_OFF | CONN_REPLY_SKIP);
        c->out->muted = 0;
        reply_ok(c->out);
    } else if (arg_is(mode, "off")) {
        conn_set(c->conn, CONN_REPLY_OFF);
    } else if (arg_is(mode, "skip")) {
        if (!conn_has(c->conn, CONN_REPLY_OFF))
            conn_set(c->conn, CONN_REPLY_SKIP_NEXT);
    } else {
        reply_syntax_error(c);
    }
    return CMD_DONE;
}

/* ON sets a flag of the connection, OFF clears it. */
static enum cmd_status switch_flag(struct cmd_ctx *c, uint32_t flag)
{
    if (arg_is(&c->argv[2], "on")) {
        conn_set(c->conn, flag);
    } else if (arg_is(&c->argv[2], "off")) {
        conn_clear(c->conn, flag);
    } else {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_client_no_evict(struct cmd_ctx *c)
{
    return switch_flag(c, CONN_NO_EVICT);
}

enum cmd_status cmd_client_no_touch(struct cmd_ctx *c)
{
    enum cmd_status st = switch_flag(c, CONN_NO_TOUCH);
    c->wkr->touch = !conn_has(c->conn, CONN_NO_TOUCH);
    store_ctx_touch(c->sx, c->wkr->touch); /* holds for what follows in this batch already */
    return st;
}

enum cmd_status cmd_client_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "SETINFO <option> <value>",
        "    Set client meta attr. Options are:",
        "    * LIB-NAME: the client lib name.",
        "    * LIB-VER: the client lib version.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Control server assisted client side caching. Only OFF is supported.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Will not touch LRU/LFU stats when this mode is on.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
