/* ACL: users and their rights, as clients ask for them and change them. What they are is in acl.h and acl_user.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server/access.h"
#include "server/acl.h"
#include "server/acl_log.h"
#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/put.h"
#include "server/value_reply.h"

enum { LOG_SHOWN = 10, GENPASS_BITS = 256, GENPASS_BITS_MAX = 4096 };

enum cmd_status cmd_acl_whoami(struct cmd_ctx *c)
{
    reply_cstr(c->out, c->conn->user->name);
    return CMD_DONE;
}

/* Arguments may be so long that they were received apart. False: memory is short; the error was replied. */
static bool flatten(struct cmd_ctx *c, int from)
{
    for (int i = from; i < c->argc; i++) {
        if (c->argv[i].len > 0 && arg_flatten(c, &c->argv[i]) == NULL) {
            reply_no_memory(c);
            return false;
        }
    }
    return true;
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

/* Replies one text for each user, by name. */
static void reply_each(struct cmd_ctx *c, void (*describe)(const struct acl_user *u, struct text *t))
{
    size_t n;
    struct acl_user **users = acl_list(c->srv->acl, &n);
    if (users == NULL) {
        reply_no_memory(c);
        return;
    }
    reply_array(c->out, n);
    for (size_t i = 0; i < n; i++) {
        struct text t = {0};
        describe(users[i], &t);
        reply_bulk(c->out, t.p == NULL ? "" : t.p, t.len);
        text_free(&t);
    }
    acl_list_free(users, n);
}

static void describe_name(const struct acl_user *u, struct text *t)
{
    text_puts(t, u->name);
}

enum cmd_status cmd_acl_list(struct cmd_ctx *c)
{
    reply_each(c, acl_describe);
    return CMD_DONE;
}

enum cmd_status cmd_acl_users(struct cmd_ctx *c)
{
    reply_each(c, describe_name);
    return CMD_DONE;
}

static void reply_part(struct cmd_ctx *c, const char *name, const struct acl_user *u,
                       void (*describe)(const struct acl_user *u, struct text *t))
{
    struct text t = {0};
    describe(u, &t);
    reply_cstr(c->out, name);
    reply_bulk(c->out, t.p == NULL ? "" : t.p, t.len);
    text_free(&t);
}

static void reply_user(struct cmd_ctx *c, const struct acl_user *u)
{
    char hex[PASSWORD_HEX_CHARS + 1];
    size_t flags = 0;
    int at = 0;
    reply_map(c->out, 6);
    reply_cstr(c->out, "flags");
    while (acl_next_flag(u, &at) != NULL)
        flags++;
    reply_set(c->out, flags);
    at = 0;
    for (const char *flag = acl_next_flag(u, &at); flag != NULL; flag = acl_next_flag(u, &at))
        reply_cstr(c->out, flag);
    reply_cstr(c->out, "passwords");
    reply_array(c->out, u->npasswords);
    for (uint32_t i = 0; i < u->npasswords; i++) {
        password_to_hex(&u->passwords[i], hex);
        reply_cstr(c->out, hex);
    }
    reply_part(c, "commands", u, acl_describe_commands);
    reply_part(c, "keys", u, acl_describe_keys);
    reply_part(c, "channels", u, acl_describe_channels);
    reply_cstr(c->out, "selectors");
    reply_array(c->out, 0);
}

enum cmd_status cmd_acl_getuser(struct cmd_ctx *c)
{
    if (!flatten(c, 2))
        return CMD_DONE;
    struct acl_user *u = acl_find(c->srv->acl, c->argv[2].p, c->argv[2].len);
    if (u == NULL)
        reply_null(c->out);
    else
        reply_user(c, u);
    acl_user_unref(u);
    return CMD_DONE;
}

enum cmd_status cmd_acl_setuser(struct cmd_ctx *c)
{
    int failed;
    const struct arg *name = &c->argv[2], *rules = &c->argv[3];
    if (!flatten(c, 2))
        return CMD_DONE;
    if (!acl_name_valid(name->p, name->len)) {
        reply_error(c->out, "ERR Usernames can't contain spaces or null characters");
        return CMD_DONE;
    }
    enum acl_error e = acl_set_user(c->srv, name->p, name->len, rules, c->argc - 3, &failed);
    if (e == ACL_FINE) {
        acl_refresh(c->wkr, c->conn); /* what follows in this batch runs by the new rules already */
        reply_ok(c->out);
    } else if (c->argc == 3) {
        reply_no_memory(c);
    } else {
        reply_errorf(c->out, "ERR Error in ACL SETUSER modifier '%.*s': %s", (int)rules[failed].len, rules[failed].p,
                     acl_error_text(e));
    }
    return CMD_DONE;
}

enum cmd_status cmd_acl_deluser(struct cmd_ctx *c)
{
    int64_t deleted = 0;
    if (!flatten(c, 2))
        return CMD_DONE;
    for (int i = 2; i < c->argc; i++) {
        if (c->argv[i].len == 7 && memcmp(c->argv[i].p, "default", 7) == 0) {
            reply_error(c->out, "ERR The 'default' user cannot be removed");
            return CMD_DONE;
        }
    }
    for (int i = 2; i < c->argc; i++)
        deleted += acl_delete_user(c->srv, c->argv[i].p, c->argv[i].len);
    acl_refresh(c->wkr, c->conn);
    reply_int(c->out, deleted);
    return CMD_DONE;
}

/* ---- what needs no user ------------------------------------------------------------------------------------------ */

enum cmd_status cmd_acl_cat(struct cmd_ctx *c)
{
    if (c->argc > 3) {
        reply_unknown_subcommand(c);
        return CMD_DONE;
    }
    if (c->argc == 2) {
        reply_array(c->out, COMMAND_CATEGORIES);
        for (int i = 0; i < COMMAND_CATEGORIES; i++)
            reply_cstr(c->out, command_category_name(i));
        return CMD_DONE;
    }
    const struct arg *a = &c->argv[2];
    int category = a->p == NULL ? -1 : command_category_find(a->p, a->len);
    if (category < 0) {
        reply_errorf(c->out, "ERR Unknown category '%.*s'", a->p == NULL ? 0 : (int)a->len, a->p == NULL ? "" : a->p);
        return CMD_DONE;
    }
    size_t n = 0;
    reply_mark mark = reply_defer(c->out);
    for (uint16_t id = 0; id < command_count(); id++) {
        if ((command_by_id(id)->categories >> category & 1) == 0)
            continue;
        reply_cstr(c->out, command_by_id(id)->name);
        n++;
    }
    reply_defer_array(c->out, mark, n);
    return CMD_DONE;
}

enum cmd_status cmd_acl_genpass(struct cmd_ctx *c)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[GENPASS_BITS_MAX / 8];
    char text[GENPASS_BITS_MAX / 4];
    int64_t bits = GENPASS_BITS;
    if (c->argc > 3) {
        reply_unknown_subcommand(c);
        return CMD_DONE;
    }
    if (c->argc == 3 && !arg_int(c, &c->argv[2], NULL, &bits))
        return CMD_DONE;
    if (bits < 1 || bits > GENPASS_BITS_MAX) {
        reply_error(c->out, "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
                            "number up to 4096");
        return CMD_DONE;
    }
    size_t chars = ((size_t)bits + 3) / 4;
    for (size_t at = 0; at < sizeof random;) { /* longer than 256 bytes may come in parts */
        ssize_t n = getrandom(random + at, sizeof random - at, 0);
        at += n > 0 ? (size_t)n : 0;
    }
    for (size_t i = 0; i < chars; i++)
        text[i] = digits[random[i / 2] >> (i % 2 * 4) & 15];
    reply_bulk(c->out, text, chars);
    return CMD_DONE;
}

enum cmd_status cmd_acl_log(struct cmd_ctx *c)
{
    int64_t count = LOG_SHOWN;
    if (c->argc > 3) {
        reply_unknown_subcommand(c);
        return CMD_DONE;
    }
    if (c->argc == 3 && arg_is(&c->argv[2], "reset")) {
        acl_log_reset(c->srv->acl_log);
        reply_ok(c->out);
        return CMD_DONE;
    }
    if (c->argc == 3 && !arg_int(c, &c->argv[2], NULL, &count))
        return CMD_DONE;
    acl_log_reply(c->srv->acl_log, c->out, count < 0 ? 0 : (size_t)count, c->now_ms);
    return CMD_DONE;
}

/* "-ERR Command 'x' not found", or the arity's error; NULL then. */
static const struct command *dryrun_command(struct cmd_ctx *c)
{
    const struct arg *name = &c->argv[3];
    int argc = c->argc - 3;
    const struct command *cmd = name->len == 0 ? NULL : command_find(name, argc);
    if (cmd == NULL || command_lacks_sub(cmd, argc)) {
        reply_errorf(c->out, "ERR Command '%.*s' not found", (int)name->len, name->p);
        return NULL;
    }
    if (cmd->arity >= 0 ? cmd->arity != argc : argc < -cmd->arity) {
        reply_errorf(c->out, "ERR wrong number of arguments for '%s' command", cmd->name);
        return NULL;
    }
    return cmd;
}

static void dryrun(struct cmd_ctx *c, const struct acl_user *u)
{
    int at;
    const struct command *cmd = dryrun_command(c);
    if (cmd == NULL)
        return;
    const struct arg *argv = &c->argv[3];
    enum acl_verdict v = acl_check(u, cmd, argv, c->argc - 3, &at);
    if (v == ACL_ALLOWED)
        reply_ok(c->out);
    else if (v == ACL_NO_COMMAND)
        reply_bulkf(c->out, "This user has no permissions to run the '%s' command", cmd->name);
    else
        reply_bulkf(c->out, "This user has no permissions to access the '%.*s' %s", (int)argv[at].len, argv[at].p,
                    v == ACL_NO_KEY ? "key" : "channel");
}

enum cmd_status cmd_acl_dryrun(struct cmd_ctx *c)
{
    if (!flatten(c, 2))
        return CMD_DONE;
    struct acl_user *u = acl_find(c->srv->acl, c->argv[2].p, c->argv[2].len);
    if (u == NULL)
        reply_errorf(c->out, "ERR User '%.*s' not found", (int)c->argv[2].len, c->argv[2].p);
    else
        dryrun(c, u);
    acl_user_unref(u);
    return CMD_DONE;
}

enum cmd_status cmd_acl_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DELUSER <username> [<username> ...]",
        "    Delete a list of users.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.",
        "LIST",
        "    Show users details in config file format.",
        "LOAD",
        "    Reload users from the ACL file.",
        "LOG [<count> | RESET]",
        "    Show the ACL log entries.",
        "SAVE",
        "    Save the current config to the ACL file.",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Create or modify a user with the specified attributes.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
