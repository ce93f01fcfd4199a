/* OBJECT: how a value is represented and how often it is used, in Redis's terms. A value has no encodings here;
 * what Redis would have chosen follows from its bytes, and whether it was changed in place. */
#include "protocol/number.h"
#include "server/args.h"
#include "server/handlers.h"
#include "server/help.h"
#include "server/notice.h"
#include "server/options.h"
#include "server/server.h"

enum {
    EMBSTR_MAX = 44,     /* bytes: longer strings are "raw" */
    SHARED_INTS = 10000, /* 0 .. 9999 are shared objects */
    SHARED_REFCOUNT = 2147483647,
};

static bool find_or_null(struct cmd_ctx *c, struct entry *e)
{
    size_t mark = notices_mark(c->sx);
    if (store_probe(c->sx, &c->keys[0], e))
        return true;
    notices_take_back(c->sx, mark); /* a question about a key does not miss it */
    reply_null(c->out);
    return false;
}

static bool is_lfu(int64_t policy)
{
    return policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
}

static bool is_lru(int64_t policy)
{
    return policy == POLICY_ALLKEYS_LRU || policy == POLICY_VOLATILE_LRU;
}

static bool value_is_int(const struct entry *e, int64_t *v)
{
    size_t len;
    const char *p = store_value_is_text(e) ? NULL : store_value_flat(e, &len);
    return p && number_parse_i64(p, len, v);
}

enum cmd_status cmd_object_encoding(struct cmd_ctx *c)
{
    struct entry e;
    int64_t v;
    if (!find_or_null(c, &e))
        return CMD_DONE;
    if (value_is_int(&e, &v))
        reply_cstr(c->out, "int");
    else
        reply_cstr(c->out, store_value_len(&e) <= EMBSTR_MAX && !store_value_is_raw(&e) ? "embstr" : "raw");
    return CMD_DONE;
}

/* Small integers are shared there, unless each key needs its own clock for eviction. */
enum cmd_status cmd_object_refcount(struct cmd_ctx *c)
{
    struct entry e;
    int64_t v;
    if (!find_or_null(c, &e))
        return CMD_DONE;
    int64_t policy = OPT(c->srv->opt, maxmemory_policy);
    bool own_clocks = OPT(c->srv->opt, maxmemory) > 0 && (is_lru(policy) || is_lfu(policy));
    bool shared = !own_clocks && value_is_int(&e, &v) && v >= 0 && v < SHARED_INTS;
    reply_int(c->out, shared ? SHARED_REFCOUNT : 1);
    return CMD_DONE;
}

enum cmd_status cmd_object_freq(struct cmd_ctx *c)
{
    struct entry e;
    if (!find_or_null(c, &e))
        return CMD_DONE;
    if (is_lfu(OPT(c->srv->opt, maxmemory_policy)))
        reply_int(c->out, store_entry_freq(&e));
    else
        reply_error(c->out,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
                    "switching between policies at runtime LRU and LFU data will take some time to adjust.");
    return CMD_DONE;
}

enum cmd_status cmd_object_idletime(struct cmd_ctx *c)
{
    struct entry e;
    if (!find_or_null(c, &e))
        return CMD_DONE;
    if (!is_lfu(OPT(c->srv->opt, maxmemory_policy)))
        reply_int(c->out, store_entry_idle_s(c->srv->store, &e));
    else
        reply_error(c->out,
                    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
                    "between policies at runtime LRU and LFU data will take some time to adjust.");
    return CMD_DONE;
}

enum cmd_status cmd_object_help(struct cmd_ctx *c)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
    };
    reply_help(c, lines, sizeof lines / sizeof *lines);
    return CMD_DONE;
}
