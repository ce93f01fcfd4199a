/* SORT and SORT_RO. What they sort are lists, sets and sorted sets, which do not exist here: a key that is there has
 * the wrong type, and one that is not sorts to nothing, which STORE puts, by deleting what was there. */
#include <string.h>

#include "server/acl_user.h"
#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/put.h"

/* BY and GET name keys that nobody can check before: they are for who may read all. BY without an asterisk names
 * none. */
static bool may_follow(struct cmd_ctx *c, bool by, const struct arg *pattern)
{
    if (acl_reads_all(c->conn->user) || (by && pattern->p != NULL && memchr(pattern->p, '*', pattern->len) == NULL))
        return true;
    reply_errorf(c->out, "ERR %s option of SORT denied due to insufficient ACL permissions.", by ? "BY" : "GET");
    return false;
}

/* Checks the options; *store is the index of STORE's destination, 0: none. False: the error was replied. */
static bool parse_options(struct cmd_ctx *c, bool read_only, int *store)
{
    int64_t n;
    *store = 0;
    for (int i = 2; i < c->argc; i++) {
        const struct arg *a = &c->argv[i];
        int left = c->argc - i - 1;
        if (arg_is(a, "asc") || arg_is(a, "desc") || arg_is(a, "alpha"))
            continue;
        if (arg_is(a, "limit") && left >= 2) {
            if (!arg_int(c, a + 1, NULL, &n) || !arg_int(c, a + 2, NULL, &n))
                return false;
            i += 2;
        } else if (arg_is(a, "store") && left >= 1 && !read_only) {
            *store = ++i;
        } else if ((arg_is(a, "by") || arg_is(a, "get")) && left >= 1) {
            if (!may_follow(c, arg_is(a, "by"), a + 1))
                return false;
            i++;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* keys[1], where there is one, is STORE's destination (command_keys.h). */
static enum cmd_status sort(struct cmd_ctx *c, bool read_only)
{
    int store;
    struct entry e;
    if (!parse_options(c, read_only, &store))
        return CMD_DONE;
    if (store_read(c->sx, &c->keys[0], &e)) {
        reply_error(c->out, "WRONGTYPE Operation against a key holding the wrong kind of value");
        return CMD_DONE;
    }
    if (store == 0) {
        reply_array(c->out, 0);
        return CMD_DONE;
    }
    if (store_find(c->sx, &c->keys[1], &e)) {
        store_delete(c->sx, &c->keys[1], &e);
        notify_key(c, NOTICE_DEL, &c->keys[1]);
    }
    reply_int(c->out, 0);
    return CMD_DONE;
}

enum cmd_status cmd_sort(struct cmd_ctx *c)
{
    return sort(c, false);
}

enum cmd_status cmd_sort_ro(struct cmd_ctx *c)
{
    return sort(c, true);
}
