/* COMMAND and its subcommands: the command table, as clients ask for it. Nothing here knows a command by name. */
#include <stdio.h>
#include <string.h>

#include "protocol/glob.h"
#include "server/args.h"
#include "server/big.h"
#include "server/command.h"
#include "server/command_keys.h"
#include "server/handlers.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* By bit, in the order in which Redis lists them. */
static const char *const flag_names[] = {
    "write",    "readonly",     "denyoom",       "admin",
    "pubsub",   "noscript",     "blocking",      "loading",
    "stale",    "skip_monitor", "skip_slowlog",  "asking",
    "fast",     "no_auth",      "may_replicate", "no_async_loading",
    "no_multi", "movablekeys",  "allow_busy",    "no_mandatory_keys",
};

/* The names of the bits that are set, as a set of simple strings; bits without a name are ours and not shown. */
static void reply_bits(struct reply *r, uint32_t bits, const char *const *names, size_t nnames)
{
    bits &= (1u << nnames) - 1;
    reply_set(r, (size_t)__builtin_popcount(bits));
    for (size_t i = 0; i < nnames; i++)
        if (bits & 1u << i)
            reply_status(r, names[i]);
}

static void reply_categories(struct reply *r, uint32_t bits)
{
    char name[32];
    reply_set(r, (size_t)__builtin_popcount(bits));
    for (int i = 0; i < COMMAND_CATEGORIES; i++) {
        if ((bits & 1u << i) == 0)
            continue;
        snprintf(name, sizeof name, "@%s", command_category_name(i));
        reply_status(r, name);
    }
}

static size_t word_count(const char *words)
{
    size_t n = words != NULL;
    for (const char *p = words; p && *p; p++)
        n += *p == ' ';
    return n;
}

/* A space separated list (NULL: an empty one) as a set of its first `n` words, simple strings or bulk ones. */
static void reply_words(struct reply *r, const char *words, size_t n, bool bulk)
{
    reply_set(r, n);
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(words, " ");
        if (bulk) {
            reply_bulk(r, words, len);
        } else {
            char *to = reply_room(r, len + 3);
            to[0] = '+';
            memcpy(to + 1, words, len);
            memcpy(to + 1 + len, "\r\n", 2);
            reply_advance(r, len + 3);
        }
        words += len + 1;
    }
}

static void reply_pair(struct reply *r, const char *key, const char *value)
{
    reply_cstr(r, key);
    reply_cstr(r, value);
}

/* {"type": "range", "spec": {...}} up to the inner map, whose `pairs` follow. */
static void reply_spec_head(struct reply *r, const char *name, const char *type, size_t pairs)
{
    reply_cstr(r, name);
    reply_map(r, 2);
    reply_pair(r, "type", type);
    reply_cstr(r, "spec");
    reply_map(r, pairs);
}

static void reply_field(struct reply *r, const char *key, int64_t v)
{
    reply_cstr(r, key);
    reply_int(r, v);
}

/* Where a spec's keys end, counted from its first one; from the last argument if negative. */
static int relative_last(const struct cmd_keyspec *k)
{
    return k->last < 0 ? k->last : k->last - k->first;
}

static void reply_keyspec(struct reply *r, const struct cmd_keyspec *k)
{
    reply_map(r, k->notes ? 4 : 3);
    if (k->notes)
        reply_pair(r, "notes", k->notes);
    reply_cstr(r, "flags");
    reply_words(r, k->flags, word_count(k->flags), false);
    if (k->first == 0) {
        reply_spec_head(r, "begin_search", "unknown", 0);
        reply_spec_head(r, "find_keys", "unknown", 0);
        return;
    }
    reply_spec_head(r, "begin_search", "index", 1);
    reply_field(r, "index", k->first);
    reply_spec_head(r, "find_keys", "range", 3);
    reply_field(r, "lastkey", relative_last(k));
    reply_field(r, "keystep", k->step);
    reply_field(r, "limit", 0);
}

/* Before key specs, a command had one range of keys; it is that of all specs together. */
static void reply_legacy_range(struct reply *r, const struct command *cmd)
{
    int first = 0, last = 0, step = 0;
    for (int i = 0; i < cmd->nkeyspecs; i++) {
        const struct cmd_keyspec *k = &cmd->keys[i];
        if (i == 0) {
            first = k->first;
            last = k->last;
            step = k->step;
        } else if (k->first > 0) {
            last = k->last < 0 || last < 0 ? -1 : k->last;
        }
    }
    reply_int(r, first);
    reply_int(r, last);
    reply_int(r, step);
}

static void reply_info(struct reply *r, const struct command *cmd)
{
    reply_array(r, 10);
    reply_cstr(r, cmd->name);
    reply_int(r, cmd->arity);
    /* that CLIENT PAUSE WRITE holds it is not told, as by Redis 7.0 */
    reply_bits(r, cmd->flags & ~(uint32_t)CMD_MAY_REPLICATE, flag_names, COUNT_OF(flag_names));
    reply_legacy_range(r, cmd);
    reply_categories(r, cmd->categories);
    reply_words(r, cmd->tips, word_count(cmd->tips), true);
    reply_set(r, cmd->nkeyspecs);
    for (int i = 0; i < cmd->nkeyspecs; i++)
        reply_keyspec(r, &cmd->keys[i]);
    if (cmd->nsub == 0) {
        reply_set(r, 0);
        return;
    }
    reply_array(r, cmd->nsub);
    for (int i = 0; i < cmd->nsub; i++)
        reply_info(r, &cmd->sub[i]);
}

/* Arguments nest as deep as the table has it, which is four. */
static void reply_args(struct reply *r, const struct cmd_argdoc *args, size_t n)
{
    reply_array(r, n);
    for (const struct cmd_argdoc *a = args; a < args + n; a++) {
        reply_map(r, 2u + (a->key_spec >= 0) + !!a->token + !!a->since + !!a->deprecated_since + !!a->flags +
                         (a->nsub > 0));
        reply_pair(r, "name", a->name);
        reply_pair(r, "type", a->type);
        if (a->key_spec >= 0)
            reply_field(r, "key_spec_index", a->key_spec);
        if (a->token)
            reply_pair(r, "token", a->token);
        if (a->since)
            reply_pair(r, "since", a->since);
        if (a->deprecated_since)
            reply_pair(r, "deprecated_since", a->deprecated_since);
        if (a->flags) {
            reply_cstr(r, "flags");
            reply_words(r, a->flags, word_count(a->flags), false);
        }
        if (a->nsub > 0) {
            reply_cstr(r, "arguments");
            reply_args(r, a->sub, a->nsub);
        }
    }
}

static void reply_history(struct reply *r, const struct command *cmd)
{
    reply_cstr(r, "history");
    reply_set(r, cmd->nhistory);
    for (int i = 0; i < cmd->nhistory; i++) {
        reply_array(r, 2);
        reply_pair(r, cmd->history[i].version, cmd->history[i].text);
    }
}

/* The name and its documentation: one entry of COMMAND DOCS's map. */
static void reply_docs(struct reply *r, const struct command *cmd)
{
    reply_cstr(r, cmd->name);
    reply_map(r, 3u + !!cmd->complexity + (cmd->nhistory > 0) + !!cmd->doc_flags + !!cmd->deprecated_since +
                     !!cmd->replaced_by + (cmd->nargs > 0) + (cmd->nsub > 0));
    reply_pair(r, "summary", cmd->summary);
    reply_pair(r, "since", cmd->since);
    reply_pair(r, "group", cmd->group);
    if (cmd->complexity)
        reply_pair(r, "complexity", cmd->complexity);
    if (cmd->nhistory > 0)
        reply_history(r, cmd);
    if (cmd->doc_flags) {
        reply_cstr(r, "doc_flags");
        reply_words(r, cmd->doc_flags, word_count(cmd->doc_flags), false);
    }
    if (cmd->deprecated_since)
        reply_pair(r, "deprecated_since", cmd->deprecated_since);
    if (cmd->replaced_by)
        reply_pair(r, "replaced_by", cmd->replaced_by);
    if (cmd->nargs > 0) {
        reply_cstr(r, "arguments");
        reply_args(r, cmd->args, cmd->nargs);
    }
    if (cmd->nsub > 0) {
        reply_cstr(r, "subcommands");
        reply_map(r, cmd->nsub);
        for (int i = 0; i < cmd->nsub; i++)
            reply_docs(r, &cmd->sub[i]);
    }
}

enum cmd_status cmd_command(struct cmd_ctx *c)
{
    int n;
    const struct command *const *table = command_table(&n);
    reply_array(c->out, (size_t)n);
    for (int i = 0; i < n; i++)
        reply_info(c->out, table[i]);
    return CMD_DONE;
}

enum cmd_status cmd_command_count(struct cmd_ctx *c)
{
    int n;
    (void)command_table(&n);
    reply_int(c->out, n);
    return CMD_DONE;
}

enum cmd_status cmd_command_info(struct cmd_ctx *c)
{
    if (c->argc == 2)
        return cmd_command(c);
    reply_array(c->out, (size_t)(c->argc - 2));
    for (int i = 2; i < c->argc; i++) {
        const struct command *cmd = command_find_name(c->argv[i].p, c->argv[i].len);
        if (cmd)
            reply_info(c->out, cmd);
        else
            reply_null(c->out);
    }
    return CMD_DONE;
}

enum cmd_status cmd_command_docs(struct cmd_ctx *c)
{
    int n;
    const struct command *const *table = command_table(&n);
    if (c->argc == 2) {
        reply_map(c->out, (size_t)n);
        for (int i = 0; i < n; i++)
            reply_docs(c->out, table[i]);
        return CMD_DONE;
    }
    /* Names that are not known are left out. */
    size_t known = 0;
    reply_mark mark = reply_defer(c->out);
    for (int i = 2; i < c->argc; i++) {
        const struct command *cmd = command_find_name(c->argv[i].p, c->argv[i].len);
        if (cmd) {
            reply_docs(c->out, cmd);
            known++;
        }
    }
    reply_defer_map(c->out, mark, known);
    return CMD_DONE;
}

/* COMMAND LIST's filter; all of them when it is a LIST_ALL. */
struct list_filter {
    enum { LIST_ALL, LIST_NONE, LIST_CATEGORY, LIST_PATTERN } kind;
    uint32_t category;
    const struct arg *pattern;
};

static bool list_wants(const struct list_filter *f, const struct command *cmd)
{
    switch (f->kind) {
    case LIST_ALL:
        return true;
    case LIST_CATEGORY:
        return (cmd->categories & f->category) != 0;
    case LIST_PATTERN:
        return glob_match(f->pattern->p, f->pattern->len, cmd->name, strlen(cmd->name), true);
    default:
        return false;
    }
}

/* False: syntax error. There are no modules, and an unknown category has no commands. */
static bool list_read_filter(struct cmd_ctx *c, struct list_filter *f)
{
    f->kind = LIST_ALL;
    if (c->argc == 2)
        return true;
    if (c->argc != 5 || !arg_is(&c->argv[2], "filterby"))
        return false;
    const struct arg *what = &c->argv[3], *value = &c->argv[4];
    f->kind = LIST_NONE;
    if (arg_is(what, "module"))
        return true;
    if (arg_is(what, "aclcat")) {
        f->kind = LIST_CATEGORY;
        int category = value->p == NULL ? -1 : command_category_find(value->p, value->len);
        f->category = category < 0 ? 0 : 1u << category;
        return true;
    }
    if (!arg_is(what, "pattern"))
        return false;
    if (value->p) /* a pattern so long that it was received apart matches no name */
        f->kind = LIST_PATTERN;
    f->pattern = value;
    return true;
}

enum cmd_status cmd_command_list(struct cmd_ctx *c)
{
    struct list_filter filter = {0};
    if (!list_read_filter(c, &filter)) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    size_t listed = 0;
    reply_mark mark = reply_defer(c->out);
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *cmd = command_by_id(id);
        if (list_wants(&filter, cmd)) {
            reply_cstr(c->out, cmd->name);
            listed++;
        }
    }
    reply_defer_array(c->out, mark, listed);
    return CMD_DONE;
}

/* The command that GETKEYS is asked about, argv[2] on. NULL: it is not one, or has no keys, or is not complete, and the
 * error was replied. */
static const struct command *getkeys_command(struct cmd_ctx *c)
{
    int argc = c->argc - 2;
    const struct command *cmd = command_find(c->argv + 2, argc);
    if (!cmd || command_lacks_sub(cmd, argc)) {
        reply_error(c->out, "ERR Invalid command specified");
        return NULL;
    }
    if (cmd->nkeyspecs == 0 || strcmp(cmd->keys[0].flags, "not_key") == 0) {
        reply_error(c->out, "ERR The command has no key arguments");
        return NULL;
    }
    if (cmd->arity > 0 ? argc != cmd->arity : argc < -cmd->arity) {
        reply_error(c->out, "ERR Invalid number of arguments specified for command");
        return NULL;
    }
    return cmd;
}

/* An argument as it was sent, also one that was received as a large value. */
static void reply_arg(struct reply *r, const struct arg *a)
{
    if (!a->big) {
        reply_bulk(r, a->p, a->len);
        return;
    }
    reply_bulk_begin(r, a->len);
    for (size_t at = 0, n; at < a->len; at += n) {
        n = a->len - at < REPLY_ROOM_MAX ? a->len - at : REPLY_ROOM_MAX;
        big_copy(a->big, at, n, reply_room(r, n));
        reply_advance(r, n);
    }
    reply_bulk_end(r);
}

static enum cmd_status getkeys(struct cmd_ctx *c, bool flags)
{
    const struct command *cmd = getkeys_command(c);
    if (!cmd)
        return CMD_DONE;
    const struct arg *argv = c->argv + 2;
    int argc = c->argc - 2;
    reply_array(c->out, (size_t)command_keys(cmd, argv, argc, NULL, 0));
    for (int s = 0; s < cmd->nkeyspecs; s++) {
        const char *words = command_key_flags(cmd, s, argv, argc);
        struct key_range range = command_key_range(&cmd->keys[s], argv, argc);
        for (int i = range.first; i <= range.last; i += range.step) {
            if (flags)
                reply_array(c->out, 2);
            reply_arg(c->out, &argv[i]);
            if (flags)
                reply_words(c->out, words, word_count(words), false);
        }
    }
    return CMD_DONE;
}

enum cmd_status cmd_command_getkeys(struct cmd_ctx *c)
{
    return getkeys(c, false);
}

enum cmd_status cmd_command_getkeysandflags(struct cmd_ctx *c)
{
    return getkeys(c, true);
}

enum cmd_status cmd_command_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full Redis command.",
        "HELP",
        "    Prints this help.",
    };
    reply_array(c->out, COUNT_OF(lines));
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        reply_status(c->out, lines[i]);
    return CMD_DONE;
}
