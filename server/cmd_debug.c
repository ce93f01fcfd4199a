/* DEBUG: every state of the store can be asked for, and brought about, by tests and by people. It is allowed by
 * enable-debug-command alone. Subcommands are a table here, not commands of their own, as in Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/number.h"
#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/options.h"
#include "server/server.h"
#include "server/store_debug.h"
#include "server/store_private.h"

enum {
    LINE_CHARS = 1024,
    SLEEP_STEP_MS = 100, /* a sleeping worker looks at this interval whether the server stops */
    EMBSTR_MAX = 44,     /* Redis's OBJECT ENCODING: longer strings are "raw" */
    LRU_CLOCK_MASK = 0xffffff,
};

static bool allowed(const struct cmd_ctx *c)
{
    int64_t who = OPT(c->srv->opt, enable_debug_command);
    return who == DEBUG_YES || (who == DEBUG_LOCAL && conn_has(c->conn, CONN_LOCAL));
}

/* ---- about keys: run with the key found and its shard locked ----------------------------------------------------- */

typedef void (*about_key)(struct cmd_ctx *c, const struct skey *k, struct entry *e);

static void with_key(struct cmd_ctx *c, about_key run)
{
    const struct arg *name = &c->argv[2];
    struct skey k;
    struct entry e;
    if (name->p == NULL || name->len > STORE_KEY_MAX) {
        reply_error(c->out, "ERR no such key");
        return;
    }
    store_key(c->srv->store, &k, name->p, name->len, c->db);
    store_lock(c->sx, &k, 1);
    if (store_find(c->sx, &k, &e))
        run(c, &k, &e);
    else
        reply_error(c->out, "ERR no such key");
    store_unlock(c->sx, &k, 1);
}

static bool value_as_int(const struct entry *e, int64_t *v)
{
    size_t n;
    const char *p = store_value_is_text(e) ? NULL : store_value_flat(e, &n);
    return p != NULL && number_parse_i64(p, n, v);
}

static const char *encoding_of(const struct entry *e)
{
    int64_t v;
    if (value_as_int(e, &v))
        return "int";
    return store_value_is_raw(e) || store_value_len(e) > EMBSTR_MAX ? "raw" : "embstr";
}

/* Bytes that a dump of the value in Redis's format would take, uncompressed: small integers by their width, the rest
 * with a length of 1, 2, 5 or 9 bytes before it. */
static size_t serialized_length(const struct entry *e)
{
    size_t n = store_value_len(e);
    int64_t v;
    if (value_as_int(e, &v) && v >= INT32_MIN && v <= INT32_MAX)
        return v >= INT8_MIN && v <= INT8_MAX ? 2 : v >= INT16_MIN && v <= INT16_MAX ? 3 : 5;
    return n + (n < 64 ? 1 : n < 16384 ? 2 : n <= UINT32_MAX ? 5 : 9);
}

static void show_object(struct cmd_ctx *c, const struct skey *k, struct entry *e)
{
    char line[LINE_CHARS];
    char more[LINE_CHARS - 256] = "";
    (void)k;
    int64_t idle_s = store_entry_idle_s(c->srv->store, e);
    store_debug_entry(c->sx, e, more, sizeof more);
    snprintf(line, sizeof line,
             "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%lld lru_seconds_idle:%lld %s",
             (void *)e->item, encoding_of(e), serialized_length(e),
             (long long)((c->now_ms / 1000 - idle_s) & LRU_CLOCK_MASK), (long long)idle_s, more);
    reply_status(c->out, line);
}

static void move_now(struct cmd_ctx *c, const struct skey *k, struct entry *e)
{
    reply_status(c->out, store_debug_move(c->sx, k, e));
}

static void show_page(struct cmd_ctx *c, const struct skey *k, struct entry *e)
{
    char line[LINE_CHARS] = "";
    (void)k;
    store_debug_page(c->sx, e, line, sizeof line);
    reply_status(c->out, line);
}

static void debug_object(struct cmd_ctx *c)
{
    with_key(c, show_object);
}

static void debug_move(struct cmd_ctx *c)
{
    with_key(c, move_now);
}

static void debug_page(struct cmd_ctx *c)
{
    with_key(c, show_page);
}

/* ---- about the server -------------------------------------------------------------------------------------------- */

static void debug_check(struct cmd_ctx *c)
{
    char why[LINE_CHARS] = "";
    if (store_check(c->sx, why, sizeof why))
        reply_ok(c->out);
    else
        reply_errorf(c->out, "ERR %s", why);
}

/* Reads a number as strtod and atoi do, which is how lenient Redis is here: what is none is 0. */
static double number_of(const struct arg *a)
{
    char digits[64] = "";
    if (a->p != NULL && a->len < sizeof digits)
        memcpy(digits, a->p, a->len);
    return strtod(digits, NULL);
}

/* Holds up this worker, in steps, so that a shutdown need not wait for the end. */
static void debug_sleep(struct cmd_ctx *c)
{
    double left_ms = number_of(&c->argv[2]) * 1000;
    while (left_ms > 0 && !atomic_load_explicit(&c->srv->stopping, memory_order_relaxed)) {
        double step_ms = left_ms < SLEEP_STEP_MS ? left_ms : SLEEP_STEP_MS;
        struct timespec step = {.tv_nsec = (long)(step_ms * 1e6)};
        nanosleep(&step, NULL);
        left_ms -= step_ms;
    }
    reply_ok(c->out);
}

static void debug_set_active_expire(struct cmd_ctx *c)
{
    atomic_store_explicit(&c->srv->store->active_expire, (int64_t)number_of(&c->argv[2]) != 0, memory_order_relaxed);
    reply_ok(c->out);
}

static void debug_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "CHECK",
        "    Prove the accounting of every page and that every chunk is reachable.",
        "MOVE <key>",
        "    Relocate the chunks of <key> now. Replies the outcome.",
        "OBJECT <key>",
        "    Show low level info about `key` and associated value.",
        "PAGE <key>",
        "    Show the page that holds <key>: number, class, state, counts.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables expiring keys in background when they are not",
        "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
        "    default.",
        "SLEEP <seconds>",
        "    Stop the worker thread of this connection for <seconds>. Decimals allowed.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
}

static const struct {
    const char *name;
    int argc;
    void (*run)(struct cmd_ctx *c);
} subcommands[] = {
    {"help", 2, debug_help},
    {"check", 2, debug_check},
    {"object", 3, debug_object},
    {"move", 3, debug_move},
    {"page", 3, debug_page},
    {"sleep", 3, debug_sleep},
    {"set-active-expire", 3, debug_set_active_expire},
};

enum cmd_status cmd_debug(struct cmd_ctx *c)
{
    if (!allowed(c)) {
        reply_error(
            c->out,
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it "
            "from a local connection, otherwise you need to set this option in the configuration file, and then "
            "restart the server.");
        return CMD_DONE;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++) {
        if (arg_is(&c->argv[1], subcommands[i].name) && c->argc == subcommands[i].argc) {
            subcommands[i].run(c);
            return CMD_DONE;
        }
    }
    reply_unknown_subcommand(c);
    return CMD_DONE;
}
