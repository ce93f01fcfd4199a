/* SHUTDOWN: there is nothing to save, so the server ends cleanly at once; the client sees its connection close. */
#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/server.h"
#include "slab/base/log.h"

enum cmd_status cmd_shutdown(struct cmd_ctx *c)
{
    bool save = false, nosave = false, abort_it = false;
    for (int i = 1; i < c->argc; i++) {
        const struct arg *a = &c->argv[i];
        if (arg_is(a, "save")) {
            save = true;
        } else if (arg_is(a, "nosave")) {
            nosave = true;
        } else if (arg_is(a, "abort")) {
            abort_it = true;
        } else if (!arg_is(a, "now") && !arg_is(a, "force")) {
            reply_syntax_error(c);
            return CMD_DONE;
        }
    }
    if ((save && nosave) || (abort_it && c->argc > 2)) {
        reply_syntax_error(c);
    } else if (abort_it) {
        reply_error(c->out, "ERR No shutdown in progress.");
    } else if (save) {
        reply_error(c->out, "ERR SHUTDOWN SAVE is not supported: this server keeps nothing on disk");
    } else {
        log_line(LOG_NOTICE, "User requested shutdown...");
        conn_set(c->conn, CONN_CLOSE_ASAP);
        server_stop(c->srv);
    }
    return CMD_DONE;
}
