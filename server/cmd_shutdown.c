/* SHUTDOWN: there is nothing to save, so the server ends cleanly; the client sees its connection close.
 *
 * Without NOW, replies that clients are owed are waited for (shutdown.h). From then on no command is executed, so there
 * is nobody who could ABORT it. */
#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/server.h"
#include "slab/base/log.h"

struct wishes {
    bool save, nosave, now, force, abort;
};

static bool read_wishes(const struct cmd_ctx *c, struct wishes *w)
{
    for (int i = 1; i < c->argc; i++) {
        const struct arg *a = &c->argv[i];
        if (arg_is(a, "save"))
            w->save = true;
        else if (arg_is(a, "nosave"))
            w->nosave = true;
        else if (arg_is(a, "now"))
            w->now = true;
        else if (arg_is(a, "force"))
            w->force = true;
        else if (arg_is(a, "abort"))
            w->abort = true;
        else
            return false;
    }
    return !(w->save && w->nosave) && !(w->abort && (w->save || w->nosave || w->now || w->force));
}

enum cmd_status cmd_shutdown(struct cmd_ctx *c)
{
    struct wishes w = {0};
    if (!read_wishes(c, &w)) {
        reply_syntax_error(c);
    } else if (w.abort) {
        reply_error(c->out, "ERR No shutdown in progress.");
    } else if (w.save && !w.force) {
        reply_error(c->out, "ERR SHUTDOWN SAVE is not supported: this server keeps nothing on disk");
    } else {
        if (w.save)
            log_line(LOG_WARNING, "Nothing can be saved, but FORCE was given: exiting anyway");
        log_line(LOG_NOTICE, "User requested shutdown...");
        conn_close_after_reply(c->conn);
        server_stop(c->srv, w.now);
    }
    return CMD_DONE;
}
