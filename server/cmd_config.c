/* CONFIG: options seen and changed over the wire. What an option is and how it is parsed is options.h's business; here
 * are Redis's argument rules, replies and error texts. No shard is locked. */
#include "server/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/glob.h"
#include "server/args.h"
#include "server/conf_file.h"
#include "server/options.h"
#include "server/server.h"
#include "server/telemetry.h"
#include "server/text.h"

/* How much of an argument is shown in an error. */
enum { SHOWN_MAX = 1024 };

static int shown(const struct arg *a)
{
    return a->p ? (int)strnlen(a->p, a->len < SHOWN_MAX ? a->len : SHOWN_MAX) : 0;
}

static const struct option *find(const struct arg *a)
{
    return a->p ? options_find(a->p, a->len) : NULL;
}

static bool matches(const struct arg *a, const char *name)
{
    return a->p && glob_match(a->p, a->len, name, strlen(name), true);
}

/* The argument that an option is asked for by, NULL: it is not. The first that fits: if it is a name, the reply spells
 * the option as it does. */
static const struct arg *asked_by(const struct cmd_ctx *c, const struct option *d)
{
    for (int i = 2; i < c->argc; i++) {
        const struct arg *a = &c->argv[i];
        if (find(a) == d || matches(a, option_name(d)))
            return a;
    }
    return NULL;
}

enum cmd_status cmd_config_get(struct cmd_ctx *c)
{
    struct options *o = c->srv->opt;
    size_t n = 0;
    reply_mark mark = reply_defer(c->out);
    for (int i = 0; i < options_count(); i++) {
        const struct option *d = options_at(i);
        const struct arg *a = asked_by(c, d);
        char *value = a ? option_value(o, d) : NULL;
        if (!value)
            continue;
        if (find(a) == d)
            reply_bulk(c->out, a->p, a->len);
        else
            reply_cstr(c->out, option_name(d));
        reply_cstr(c->out, value);
        free(value);
        n++;
    }
    reply_defer_map(c->out, mark, n);
    return CMD_DONE;
}

static void refuse(struct cmd_ctx *c, const struct arg *name, const char *why)
{
    reply_errorf(c->out, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s", shown(name), name->p, why);
}

/* As Redis: with a bad value the option is named as the table has it, not as it was asked for. */
static void refuse_value(struct cmd_ctx *c, const struct option *d, const char *why)
{
    reply_errorf(c->out, "ERR CONFIG SET failed (possibly related to argument '%s') - %s", option_name(d), why);
}

/* Names are looked at before any value: the first that is at fault is told. */
static bool find_all(struct cmd_ctx *c, const struct option **d, int n)
{
    for (int i = 0; i < n; i++) {
        const struct arg *name = &c->argv[2 + 2 * i];
        d[i] = find(name);
        if (!d[i]) {
            reply_errorf(c->out, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'", shown(name),
                         name->p ? name->p : "");
            return false;
        }
        const char *why = option_refusal(d[i]);
        for (int k = 0; !why && k < i; k++)
            if (d[k] == d[i])
                why = "duplicate parameter";
        if (why) {
            refuse(c, name, why);
            return false;
        }
    }
    return true;
}

/* Values as terminated texts. */
static bool copy_values(struct cmd_ctx *c, const struct option *const *d, char **values, int n)
{
    for (int i = 0; i < n; i++) {
        const struct arg *v = &c->argv[3 + 2 * i];
        if (!v->p && v->len > 0) {
            refuse(c, &c->argv[2 + 2 * i], "argument is too long");
            return false;
        }
        size_t n_bytes = v->len;
        if (!option_cut_value(d[i], v->p, &n_bytes)) {
            refuse_value(c, d[i], "argument must not contain zero bytes");
            return false;
        }
        values[i] = v->p && n_bytes > 0 ? strndup(v->p, n_bytes) : strdup("");
        if (!values[i]) {
            refuse(c, &c->argv[2 + 2 * i], "out of memory");
            return false;
        }
    }
    return true;
}

enum cmd_status cmd_config_set(struct cmd_ctx *c)
{
    char err[OPTIONS_ERROR_CHARS];
    int n = (c->argc - 2) / 2;
    int failed = 0;
    if (c->argc % 2 != 0) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    const struct option **d = calloc((size_t)n, sizeof *d);
    char **values = calloc((size_t)n, sizeof *values);
    if (!d || !values) {
        refuse(c, &c->argv[2], "out of memory");
    } else if (find_all(c, d, n) && copy_values(c, d, values, n)) {
        if (options_change(c->srv, c->srv->opt, d, values, n, &failed, err))
            reply_ok(c->out);
        else
            refuse_value(c, d[failed], err);
    }
    for (int i = 0; values && i < n; i++)
        free(values[i]);
    free(values);
    free(d);
    return CMD_DONE;
}

enum cmd_status cmd_config_rewrite(struct cmd_ctx *c)
{
    char err[256] = "out of memory", file[1];
    struct text users = {0};
    const char *path = c->srv->config_file;
    if (!path || path[0] == '\0') {
        reply_error(c->out, "ERR The server is running without a config file");
        return CMD_DONE;
    }
    const struct user_hooks *hooks = c->srv->opt->user_hooks;
    bool by_lines = hooks != NULL && options_text(c->srv->opt, &c->srv->opt->aclfile, file, sizeof file) == 0;
    bool ok = !by_lines || hooks->present(c->srv, &users);
    const char *lines = users.p != NULL ? users.p : "";
    if (ok && conf_rewrite(c->srv->opt, path, by_lines ? lines : NULL, err, sizeof err))
        reply_ok(c->out);
    else
        reply_errorf(c->out, "ERR Rewriting config file: %s", err);
    text_free(&users);
    return CMD_DONE;
}

enum cmd_status cmd_config_resetstat(struct cmd_ctx *c)
{
    if (telemetry_reset(c->srv))
        reply_ok(c->out);
    else
        reply_error(c->out, "ERR out of memory");
    return CMD_DONE;
}

enum cmd_status cmd_config_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        "HELP",
        "    Prints this help.",
    };
    reply_array(c->out, sizeof lines / sizeof lines[0]);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        reply_status(c->out, lines[i]);
    return CMD_DONE;
}
