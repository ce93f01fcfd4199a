/* Commands about the connection itself: PING ECHO HELLO AUTH QUIT RESET SELECT, and TIME. */
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "protocol/number.h"
#include "server/access.h"
#include "server/acl.h"
#include "server/args.h"
#include "server/client_name.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/put.h"
#include "server/server.h"
#include "server/value_reply.h"
#include "server/version.h"
#include "server/worker.h"

enum cmd_status cmd_ping(struct cmd_ctx *c)
{
    if (c->argc > 2) {
        reply_arity_error(c);
    } else if (conn_has(c->conn, CONN_PUBSUB) && c->out->resp == 2) {
        reply_array(c->out, 2);
        reply_cstr(c->out, "pong");
        if (c->argc == 2)
            reply_arg(c, &c->argv[1]);
        else
            reply_cstr(c->out, "");
    } else if (c->argc == 2)
        reply_arg(c, &c->argv[1]);
    else
        reply_status(c->out, "PONG");
    return CMD_DONE;
}

enum cmd_status cmd_echo(struct cmd_ctx *c)
{
    reply_arg(c, &c->argv[1]);
    return CMD_DONE;
}

/* `user` NULL: "default". */
static bool authenticate(struct cmd_ctx *c, struct arg *user, struct arg *password)
{
    static const struct arg standard = {.p = "default", .len = 7};
    const char *p = flat_arg(c, password);
    const char *name = user == NULL ? standard.p : p == NULL ? NULL : flat_arg(c, user);
    if (p == NULL || name == NULL)
        return false;
    if (access_authenticate(c, name, user == NULL ? standard.len : user->len, p, password->len))
        return true;
    reply_error(c->out, "WRONGPASS invalid username-password pair or user is disabled.");
    return false;
}

enum cmd_status cmd_auth(struct cmd_ctx *c)
{
    if (c->argc > 3)
        reply_syntax_error(c);
    else if (c->argc == 2 && acl_default_nopass(c->srv->acl))
        reply_error(c->out,
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
                    "your configuration is correct?");
    else if (authenticate(c, c->argc == 3 ? &c->argv[1] : NULL, &c->argv[c->argc - 1]))
        reply_ok(c->out);
    return CMD_DONE;
}

static void reply_hello(struct cmd_ctx *c)
{
    reply_map(c->out, 7);
    reply_cstr(c->out, "server");
    reply_cstr(c->out, "redis");
    reply_cstr(c->out, "version");
    reply_cstr(c->out, FLAGSTONE_REDIS_VERSION);
    reply_cstr(c->out, "proto");
    reply_int(c->out, c->out->resp);
    reply_cstr(c->out, "id");
    reply_int(c->out, (int64_t)c->conn->id);
    reply_cstr(c->out, "mode");
    reply_cstr(c->out, "standalone");
    reply_cstr(c->out, "role");
    reply_cstr(c->out, "master");
    reply_cstr(c->out, "modules");
    reply_array(c->out, 0);
}

/* HELLO's options, each carried out as it is read: what came before a bad one stays done. False: the error was
 * replied. */
static bool hello_options(struct cmd_ctx *c)
{
    for (int i = 2; i < c->argc; i++) {
        struct arg *a = &c->argv[i];
        int more = c->argc - 1 - i;
        if (arg_is(a, "auth") && more >= 2) {
            if (!authenticate(c, a + 1, a + 2))
                return false;
            i += 2;
        } else if (arg_is(a, "setname") && more >= 1) {
            if (!client_set_name(c, a + 1))
                return false;
            i++;
        } else {
            reply_errorf(c->out, "ERR Syntax error in HELLO option '%.*s'", a->p == NULL ? 0 : (int)a->len,
                         a->p == NULL ? "" : a->p);
            return false;
        }
    }
    return true;
}

enum cmd_status cmd_hello(struct cmd_ctx *c)
{
    int64_t version = 0;
    if (c->argc >= 2) {
        if (!arg_int(c, &c->argv[1], "ERR Protocol version is not an integer or out of range", &version))
            return CMD_DONE;
        if (version != 2 && version != 3) {
            reply_error(c->out, "NOPROTO unsupported protocol version");
            return CMD_DONE;
        }
    }
    if (!hello_options(c))
        return CMD_DONE;
    if (!conn_has(c->conn, CONN_AUTHENTICATED)) {
        reply_error(c->out,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
                    "<user> <pass> option can be used to authenticate the client and select the RESP protocol version "
                    "at the same time");
        return CMD_DONE;
    }
    if (version != 0)
        conn_protocol(c->conn, (int)version);
    reply_hello(c);
    return CMD_DONE;
}

enum cmd_status cmd_quit(struct cmd_ctx *c)
{
    reply_ok(c->out);
    conn_close_after_reply(c->conn);
    return CMD_DONE;
}

enum cmd_status cmd_reset(struct cmd_ctx *c)
{
    conn_reset(c->conn);
    reply_status(c->out, "RESET");
    return CMD_DONE;
}

enum cmd_status cmd_select(struct cmd_ctx *c)
{
    int db;
    if (!arg_db(c, &c->argv[1], &db))
        return CMD_DONE;
    conn_select(c->conn, db);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_time(struct cmd_ctx *c)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    reply_array(c->out, 2);
    reply_bulk_int(c->out, tv.tv_sec);
    reply_bulk_int(c->out, tv.tv_usec);
    return CMD_DONE;
}
