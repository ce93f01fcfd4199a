/* KEYS and SCAN: walks over a database in the order of hashes, a few keys under one lock at a time.
 *
 * KEYS replies as it goes. SCAN's reply begins with the next cursor, which is known only at the end, so the keys are
 * gathered in a reply of their own; the usual ten of them fit in a buffer on the stack. */
#include <ctype.h>

#include "protocol/glob.h"
#include "server/args.h"
#include "server/handlers.h"
#include "server/put.h"

enum {
    KEYS_ROUND = 1000,  /* keys looked at between two looks for the lock */
    SCAN_BUFFER = 2048, /* bytes */
    SCAN_COUNT_DEFAULT = 10,
};

struct walk {
    struct reply *out;
    const char *pattern; /* NULL: every key */
    size_t pattern_len;
    int64_t now_ms;
    size_t found;
};

static void take_key(void *arg, const char *key, size_t len, const struct entry *e)
{
    struct walk *w = arg;
    int64_t expiry = store_expiry(e);
    if (expiry != STORE_NO_EXPIRY && expiry <= w->now_ms)
        return;
    if (w->pattern && !glob_match(w->pattern, w->pattern_len, key, len, false))
        return;
    reply_bulk(w->out, key, len);
    w->found++;
}

static void skip_key(void *arg, const char *key, size_t len, const struct entry *e)
{
    (void)arg, (void)key, (void)len, (void)e;
}

/* A lone star is no pattern. */
static bool set_pattern(struct cmd_ctx *c, struct walk *w, struct arg *a)
{
    const char *p = flat_arg(c, a);
    if (!p)
        return false;
    bool all = a->len == 1 && p[0] == '*';
    w->pattern = all ? NULL : p;
    w->pattern_len = a->len;
    return true;
}

enum cmd_status cmd_keys(struct cmd_ctx *c)
{
    struct walk w = {.out = c->out, .now_ms = c->now_ms};
    if (!set_pattern(c, &w, &c->argv[1]))
        return CMD_DONE;
    reply_mark mark = reply_defer(c->out);
    uint64_t cursor = 0;
    do {
        cursor = store_scan(c->sx, c->db, cursor, KEYS_ROUND, take_key, &w);
    } while (cursor != 0 && !c->out->failed);
    reply_defer_array(c->out, mark, w.found);
    return CMD_DONE;
}

/* A cursor as strtoul reads it, which is what Redis's clients may rely on: a sign, and nothing at all for 0, and what
 * follows a zero byte is not looked at. */
static bool parse_cursor(const struct arg *a, uint64_t *cursor)
{
    size_t i = 0;
    uint64_t v = 0;
    if (!a->p)
        return false;
    bool sign = a->len > 0 && (a->p[0] == '-' || a->p[0] == '+');
    i += sign;
    for (; i < a->len && isdigit((unsigned char)a->p[i]); i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(a->p[i] - '0'), &v))
            return false;
    if ((i < a->len && a->p[i] != '\0') || (sign && i == 1))
        return false;
    *cursor = sign && a->p[0] == '-' ? -v : v;
    return true;
}

struct scan_options {
    int64_t count;
    bool none; /* a TYPE that no key is of */
};

static bool parse_scan_options(struct cmd_ctx *c, struct walk *w, struct scan_options *o)
{
    for (int i = 2; i < c->argc; i += 2) {
        struct arg *word = &c->argv[i], *value = word + 1;
        bool known = i + 1 < c->argc;
        if (known && arg_is(word, "count")) {
            if (!arg_int(c, value, NULL, &o->count))
                return false;
            known = o->count >= 1;
        } else if (known && arg_is(word, "match")) {
            if (!set_pattern(c, w, value))
                return false;
        } else if (known && arg_is(word, "type")) {
            o->none = !arg_is(value, "string");
        } else {
            known = false;
        }
        if (!known) {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* Appends all of `from`, which then is empty. */
static void append_reply(struct reply *to, struct reply *from)
{
    struct iovec iov[16];
    int n;
    while ((n = reply_iov(from, iov, 16)) > 0) {
        size_t sent = 0;
        for (int i = 0; i < n; i++) {
            reply_bytes(to, iov[i].iov_base, iov[i].iov_len);
            sent += iov[i].iov_len;
        }
        reply_sent(from, sent);
    }
    if (from->failed)
        to->failed = true;
}

enum cmd_status cmd_scan(struct cmd_ctx *c)
{
    uint64_t cursor;
    char buffer[SCAN_BUFFER];
    struct reply keys;
    struct walk w = {.out = &keys, .now_ms = c->now_ms};
    struct scan_options o = {.count = SCAN_COUNT_DEFAULT};
    if (!parse_cursor(&c->argv[1], &cursor)) {
        reply_error(c->out, "ERR invalid cursor");
        return CMD_DONE;
    }
    if (!parse_scan_options(c, &w, &o))
        return CMD_DONE;

    reply_init(&keys);
    reply_lend(&keys, buffer, sizeof buffer);
    cursor = store_scan(c->sx, c->db, cursor, (uint64_t)o.count, o.none ? skip_key : take_key, &w);
    reply_array(c->out, 2);
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)cursor);
    reply_bulk(c->out, digits, (size_t)n);
    reply_array(c->out, w.found);
    append_reply(c->out, &keys);
    reply_unlend(&keys);
    reply_free(&keys);
    return CMD_DONE;
}
