/* CLIENT LIST and CLIENT KILL: looking over all connections of all workers.
 *
 * Both walk the registry with one worker's lock at a time. LIST notes ids and lines, and puts them in order of id
 * afterwards. KILL marks the connections and leaves the closing to their workers; marked ones are not listed any
 * more. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/number.h"
#include "server/acl.h"
#include "server/args.h"
#include "server/clients.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/put.h"
#include "server/server.h"

enum client_type { TYPE_ANY, TYPE_NORMAL, TYPE_REPLICA, TYPE_MASTER, TYPE_PUBSUB };

/* False: no such type; the error was replied. */
static bool parse_type(struct cmd_ctx *c, const struct arg *a, enum client_type *type)
{
    static const struct {
        const char *name;
        enum client_type type;
    } table[] = {{"normal", TYPE_NORMAL},
                 {"slave", TYPE_REPLICA},
                 {"replica", TYPE_REPLICA},
                 {"master", TYPE_MASTER},
                 {"pubsub", TYPE_PUBSUB}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (arg_is(a, table[i].name)) {
            *type = table[i].type;
            return true;
        }
    }
    reply_errorf(c->out, "ERR Unknown client type '%.*s'", a->p == NULL ? 0 : (int)a->len, a->p == NULL ? "" : a->p);
    return false;
}

static bool is_of_type(const struct conn *conn, enum client_type type)
{
    return type == TYPE_ANY || type == (conn_has(conn, CONN_PUBSUB) ? TYPE_PUBSUB : TYPE_NORMAL);
}

/* Lines of CLIENT LIST, gathered. */
struct line {
    uint64_t id;
    size_t at, len; /* in text */
};

struct lines {
    struct line *v;
    size_t n, cap;
    char *text;
    size_t used, room;
    int64_t now_ms;
    enum client_type type;
    bool short_of_memory;
};

static bool lines_room(struct lines *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct line *v = realloc(l->v, cap * sizeof *v);
        if (v == NULL)
            return false;
        l->v = v;
        l->cap = cap;
    }
    if (l->room - l->used < CLIENTS_LINE_MAX) {
        size_t room = l->room == 0 ? 8 * CLIENTS_LINE_MAX : l->room * 2;
        char *text = realloc(l->text, room);
        if (text == NULL)
            return false;
        l->text = text;
        l->room = room;
    }
    return true;
}

static bool add_line(void *arg, struct conn *conn)
{
    struct lines *l = arg;
    if (!is_of_type(conn, l->type))
        return true;
    if (!lines_room(l)) {
        l->short_of_memory = true;
        return false;
    }
    size_t len = clients_line(conn, l->now_ms, l->text + l->used, CLIENTS_LINE_MAX - 1);
    l->text[l->used + len++] = '\n';
    l->v[l->n++] = (struct line){conn->id, l->used, len};
    l->used += len;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Replies the lines of the ids given (in their order), or all. */
static void reply_lines(struct cmd_ctx *c, struct lines *l, const struct arg *ids, int nids)
{
    size_t n = 0, total = 0;
    struct line *chosen = l->v;
    if (ids != NULL) {
        chosen = malloc((size_t)nids * sizeof *chosen);
        for (int i = 0; i < nids && chosen != NULL; i++) {
            struct line key = {0};
            int64_t id = 0;
            number_parse_i64(ids[i].p, ids[i].len, &id);
            key.id = (uint64_t)id;
            struct line *found = l->n == 0 ? NULL : bsearch(&key, l->v, l->n, sizeof key, by_id);
            if (found != NULL)
                chosen[n++] = *found;
        }
    } else {
        n = l->n;
    }
    for (size_t i = 0; i < n; i++)
        total += chosen[i].len;
    char *all = malloc(total + 1);
    if (all == NULL || (ids != NULL && chosen == NULL)) {
        reply_no_memory(c);
    } else {
        size_t at = 0;
        for (size_t i = 0; i < n; at += chosen[i++].len)
            memcpy(all + at, l->text + chosen[i].at, chosen[i].len);
        reply_verbatim(c->out, "txt", all, total);
    }
    free(all);
    if (ids != NULL)
        free(chosen);
}

enum cmd_status cmd_client_list(struct cmd_ctx *c)
{
    struct lines l = {.now_ms = c->now_ms, .type = TYPE_ANY};
    const struct arg *ids = NULL;
    if (c->argc == 4 && arg_is(&c->argv[2], "type")) {
        if (!parse_type(c, &c->argv[3], &l.type))
            return CMD_DONE;
    } else if (c->argc > 3 && arg_is(&c->argv[2], "id")) {
        ids = &c->argv[3];
        for (int i = 3; i < c->argc; i++) {
            int64_t id;
            if (!arg_int(c, &c->argv[i], "ERR Invalid client ID", &id))
                return CMD_DONE;
        }
    } else if (c->argc != 2) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    clients_walk(c->srv, add_line, &l);
    if (l.short_of_memory) {
        reply_no_memory(c);
    } else {
        if (l.n > 0)
            qsort(l.v, l.n, sizeof *l.v, by_id);
        reply_lines(c, &l, ids, c->argc - 3);
    }
    free(l.v);
    free(l.text);
    return CMD_DONE;
}

/* Whom to kill. */
struct victims {
    struct cmd_ctx *c;
    const struct arg *addr, *laddr, *user;
    int64_t id; /* 0: any */
    enum client_type type;
    bool skip_me, self;
    int64_t killed;
};

static bool has_address(const struct conn *conn, const struct conn_addr *a, const struct arg *wanted)
{
    char text[CONN_ADDR_CHARS];
    if (wanted == NULL)
        return true;
    size_t n = conn_addr_text(conn, a, text, sizeof text);
    return wanted->p != NULL && n == wanted->len && memcmp(text, wanted->p, n) == 0;
}

static bool has_user(const struct conn *conn, const struct arg *wanted)
{
    return wanted == NULL ||
           (strlen(conn->user->name) == wanted->len && memcmp(conn->user->name, wanted->p, wanted->len) == 0);
}

static bool kill_matching(void *arg, struct conn *conn)
{
    struct victims *v = arg;
    if ((v->id != 0 && (uint64_t)v->id != conn->id) || !is_of_type(conn, v->type) || !has_user(conn, v->user) ||
        !has_address(conn, &conn->peer, v->addr) || !has_address(conn, &conn->local, v->laddr))
        return true;
    if (conn == v->c->conn) {
        if (v->skip_me)
            return true;
        v->self = true; /* answered first */
    } else {
        clients_kill(conn);
    }
    v->killed++;
    return true;
}

/* One option and its value; false: the error was replied. */
static bool kill_option(struct victims *v, const struct arg *name, const struct arg *value)
{
    struct cmd_ctx *c = v->c;
    if (arg_is(name, "id")) {
        if (!arg_int(c, value, "ERR client-id should be greater than 0", &v->id))
            return false;
        if (v->id < 1) {
            reply_error(c->out, "ERR client-id should be greater than 0");
            return false;
        }
        return true;
    }
    if (arg_is(name, "type"))
        return parse_type(c, value, &v->type);
    if (arg_is(name, "addr")) {
        v->addr = value;
    } else if (arg_is(name, "laddr")) {
        v->laddr = value;
    } else if (arg_is(name, "user")) {
        struct acl_user *u = value->p == NULL ? NULL : acl_find(c->srv->acl, value->p, value->len);
        acl_user_unref(u);
        v->user = value;
        if (u == NULL) {
            reply_errorf(c->out, "ERR No such user '%.*s'", value->p == NULL ? 0 : (int)value->len,
                         value->p == NULL ? "" : value->p);
            return false;
        }
    } else if (arg_is(name, "skipme") && (arg_is(value, "yes") || arg_is(value, "no"))) {
        v->skip_me = arg_is(value, "yes");
    } else {
        reply_syntax_error(c);
        return false;
    }
    return true;
}

enum cmd_status cmd_client_kill(struct cmd_ctx *c)
{
    struct victims v = {.c = c, .skip_me = true};
    bool old_form = c->argc == 3;
    if (old_form) {
        v.addr = &c->argv[2];
        v.skip_me = false;
    }
    for (int i = 2; i < c->argc && !old_form; i += 2) {
        if (i + 1 == c->argc) { /* an option without its value: told when the others were fine */
            reply_syntax_error(c);
            return CMD_DONE;
        }
        if (!kill_option(&v, &c->argv[i], &c->argv[i + 1]))
            return CMD_DONE;
    }
    clients_walk(c->srv, kill_matching, &v);
    if (!old_form)
        reply_int(c->out, v.killed);
    else if (v.killed > 0)
        reply_ok(c->out);
    else
        reply_error(c->out, "ERR No such client");
    if (v.self)
        conn_close_after_reply(c->conn);
    return CMD_DONE;
}
