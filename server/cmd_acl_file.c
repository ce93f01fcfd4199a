/* ACL LOAD and ACL SAVE. */
#include "server/acl.h"
#include "server/acl_file.h"
#include "server/handlers.h"
#include "server/put.h"

/* False: there is no file, and the error was replied. */
static bool has_file(struct cmd_ctx *c)
{
    char first[1];
    if (options_text(c->srv->opt, &c->srv->opt->aclfile, first, sizeof first) > 0)
        return true;
    reply_error(c->out, "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
                        "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
                        "configuration file set) in order to store users in the Redis configuration.");
    return false;
}

enum cmd_status cmd_acl_load(struct cmd_ctx *c)
{
    struct text errors = {0};
    if (!has_file(c))
        return CMD_DONE;
    if (acl_load_file(c->srv, &errors)) {
        acl_refresh(c->wkr, c->conn);
        reply_ok(c->out);
    } else if (errors.failed || errors.p == NULL) {
        reply_no_memory(c);
    } else {
        reply_errorf(c->out, "ERR %s", errors.p);
    }
    text_free(&errors);
    return CMD_DONE;
}

enum cmd_status cmd_acl_save(struct cmd_ctx *c)
{
    if (!has_file(c))
        return CMD_DONE;
    if (acl_save_file(c->srv) == 0)
        reply_ok(c->out);
    else
        reply_error(c->out, "ERR There was an error trying to save the ACLs. Please check the server logs for more "
                            "information");
    return CMD_DONE;
}
