/* See access.h. */
#include "server/access.h"

#include <stdio.h>
#include <string.h>

#include "server/acl.h"
#include "server/acl_log.h"
#include "server/clients.h"
#include "server/conn.h"
#include "server/options.h"
#include "server/stats.h"

static void note(struct cmd_ctx *c, struct acl_denied *d)
{
    static const enum stats_counter counters[] = {[ACL_NO_COMMAND] = STATS_DENIED_COMMAND,
                                                  [ACL_NO_KEY] = STATS_DENIED_KEY,
                                                  [ACL_NO_CHANNEL] = STATS_DENIED_CHANNEL,
                                                  [ACL_NO_AUTH] = STATS_DENIED_AUTH};
    char client[CLIENTS_LINE_MAX];
    stats_add(c->wkr->stats, counters[d->why], 1);
    d->client = client;
    d->client_len = clients_line(c->conn, c->now_ms, client, sizeof client);
    d->in_multi = conn_has(c->conn, CONN_MULTI);
    d->now_ms = c->now_ms;
    acl_log_add(c->srv->acl_log, d, (size_t)OPT(c->srv->opt, acllog_max_len));
}

enum acl_verdict access_check(struct cmd_ctx *c, const struct command *cmd, const struct arg *argv, int argc)
{
    const struct acl_user *u = c->conn->user;
    int at;
    enum acl_verdict v = acl_check(u, cmd, argv, argc, &at);
    if (v == ACL_ALLOWED)
        return v;
    struct acl_denied d = {.why = v, .object = "", .user = u->name, .user_len = strlen(u->name)};
    if (v == ACL_NO_COMMAND) {
        d.object = cmd->name;
        d.object_len = strlen(cmd->name);
    } else if (argv[at].p != NULL) {
        d.object = argv[at].p;
        d.object_len = argv[at].len;
    }
    note(c, &d);
    return v;
}

const char *access_text(enum acl_verdict v, const struct command *cmd, char text[ACCESS_TEXT_CHARS])
{
    if (v == ACL_NO_KEY)
        return "NOPERM this user has no permissions to access one of the keys used as arguments";
    if (v == ACL_NO_CHANNEL)
        return "NOPERM this user has no permissions to access one of the channels used as arguments";
    snprintf(text, ACCESS_TEXT_CHARS, "NOPERM this user has no permissions to run the '%s' command", cmd->name);
    return text;
}

const char *access_text_exec(enum acl_verdict v)
{
#define CHANGED                                                                                                        \
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is " \
    "no longer allowed for the following reason: "
    if (v == ACL_NO_KEY)
        return CHANGED "no permission to touch the specified keys";
    if (v == ACL_NO_CHANNEL)
        return CHANGED "no permission to access one of the channels used as arguments";
    return CHANGED "no permission to execute the command or subcommand";
#undef CHANGED
}

bool access_authenticate(struct cmd_ctx *c, const char *name, size_t n, const char *password, size_t len)
{
    struct acl_user *u = acl_authenticate(c->srv->acl, name, n, password, len);
    if (u != NULL) {
        acl_become(c->conn, u);
        return true;
    }
    struct acl_denied d = {
        .why = ACL_NO_AUTH, .object = c->argv[0].p, .object_len = c->argv[0].len, .user = name, .user_len = n};
    note(c, &d);
    return false;
}
