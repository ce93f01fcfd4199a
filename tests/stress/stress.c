/* The stress test: several clients at once, each with a database and a model of its own, so that every reply is known.
 *
 * A client sends batches of random commands and compares each reply with its model. Now and then it asks for a value on
 * a second connection, reads it slowly while it goes on changing the key, and checks that what arrives is the value as
 * it was; and it scans its whole database, which must tell each key that it has, and none that it has not. One more
 * writes small values where they lie, to be moved in the act (painter.h). A control client meanwhile defragments at
 * full effort, purges memory, has the server prove its pages and its index, and reads all statistics. Now and then it
 * holds the others between two of their batches and flushes all databases.
 * The first run, of two thirds of the time, keeps everything; in the second, memory is short: keys may be gone, but
 * what is read must be right. There commands whose effect depends on what is there are sent alone, so that their reply
 * tells the model whether the key was; and a slow reader may be closed, since he is who goes before a key does. Both
 * must have moved things.
 * stress --seconds N --seed S: N seconds in all. */
#include "tests/integration/harness.h"
#include "tests/stress/model.h"
#include "tests/stress/painter.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS = 4,
    BATCH = 24,
    NAME_MAX_LEN = 32,
    SLOW_STEP = 20000,
    SLOW_MIN = 4000000,
    SLOW_SHORT = 3200000, /* while memory is short: still more than the sockets take in */
    LONG_S = 100000,
    GRACE_S = 10
};

struct stress_client;

struct run {
    struct test_server *server;
    struct stress_client *clients; /* CLIENTS */
    struct painter *painter;
    pthread_rwlock_t still; /* read: a batch is under way, the models are its client's; write: all are still */
    bool evicting;
    double seconds;
    uint64_t seed;
    atomic_bool over;
    atomic_ulong commands;
};

/* What one reply of a batch must be. */
struct expected {
    enum { WANT_STATUS, WANT_INT, WANT_VALUE, WANT_NIL, WANT_ANY } kind;
    long long n;
    char *p;
    size_t len;
    bool may_be_gone; /* or nil, or 0 */
    int key;          /* which then is forgotten; -1: none */
    const char *what;
};

struct stress_client {
    struct run *run;
    struct model model;
    redisContext *c;
    struct expected expected[BATCH];
    int nexpected;
    int id;
    int slow; /* the second connection; -1: none */
    char *slow_value;
    size_t slow_len, slow_at;
    unsigned long commands;
};

static struct {
    double seconds;
    uint64_t seed;
} settings = {20, 0};

/* Threads cannot fail a cmocka test: they say why, and end the program. */
static _Noreturn void die(struct stress_client *w, const char *what, const redisReply *r)
{
    const char *log = server_log(w->run->server);
    size_t n = strlen(log);
    fprintf(stderr, "client %d, command %lu: %s", w->id, w->commands, what);
    if (r)
        fprintf(stderr, ": reply type %d, integer %lld, length %zu, %.60s", r->type, r->integer, (size_t)r->len,
                r->str ? r->str : "");
    else
        fprintf(stderr, ": no reply (%s)", w->c ? w->c->errstr : "");
    fprintf(stderr, "\nseed %llu; the server's log ends:\n%s\n", (unsigned long long)w->run->seed,
            log + (n > 8000 ? n - 8000 : 0));
    _exit(1);
}

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- one command each ---- */

static struct expected *expect(struct stress_client *w, int kind, const char *what)
{
    struct expected *e = &w->expected[w->nexpected++];
    *e = (struct expected){.kind = kind, .key = -1, .what = what};
    return e;
}

static struct expected *expect_number(struct stress_client *w, long long n, const char *what)
{
    struct expected *e = expect(w, WANT_INT, what);
    e->n = n;
    return e;
}

static struct expected *expect_stored(struct stress_client *w, int key, size_t at, size_t n, const char *what)
{
    const struct model_value *v = &w->model.values[key];
    bool there = v->p && (!v->dying || now_s() < v->dead_s);
    struct expected *e = expect(w, there ? WANT_VALUE : WANT_NIL, what);
    if (there) {
        e->p = malloc(n + 1);
        memcpy(e->p, v->p + at, n);
        e->len = n;
        e->key = key;
        e->may_be_gone = v->dying || w->run->evicting;
    }
    return e;
}

static char *name_of(char *to, int key)
{
    /* Names of several lengths, so that classes differ. */
    snprintf(to, NAME_MAX_LEN, "k%d%.*s", key, key % 17, "-----------------");
    return to;
}

static void op_set(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    size_t n = model_random_size(&w->model);
    char *p = model_random_bytes(&w->model, n);
    uint64_t r = model_random(&w->model);
    struct model_value *v = &w->model.values[key];
    model_set(v, p, n);
    if (r % 8 == 0) {
        redisAppendCommand(w->c, "SET %s %b EX %d", name_of(name, key), p, n, LONG_S);
        v->lasts = true;
    } else if (r % 8 == 1) {
        redisAppendCommand(w->c, "SET %s %b PX %d", name_of(name, key), p, n, (int)(1 + (r >> 8) % 200));
        v->dying = true;
        v->dead_s = now_s() + GRACE_S;
    } else {
        redisAppendCommand(w->c, "SET %s %b", name_of(name, key), p, n);
    }
    expect(w, WANT_STATUS, "SET");
    free(p);
}

static void op_get(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    redisAppendCommand(w->c, "GET %s", name_of(name, key));
    expect_stored(w, key, 0, w->model.values[key].len, "GET");
}

static void op_del(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    bool unlink = model_random(&w->model) % 2;
    redisAppendCommand(w->c, "%s %s", unlink ? "UNLINK" : "DEL", name_of(name, key));
    expect_number(w, v->p != NULL, "DEL")->may_be_gone = v->dying || w->run->evicting;
    model_forget(v);
}

/* Deletes one key in eight at once: so classes have pages to spare, and there is something to move. */
static void op_cull(struct stress_client *w, int key)
{
    enum { STEP = 8, MOST = MODEL_KEYS / STEP + 1 };
    char names[MOST][NAME_MAX_LEN];
    const char *words[1 + MOST] = {"UNLINK"};
    int n = 0, there = 0;
    bool sure = !w->run->evicting;
    if (model_random(&w->model) % 40)
        return;
    for (int i = key % STEP; i < MODEL_KEYS; i += STEP) {
        struct model_value *v = &w->model.values[i];
        words[1 + n] = name_of(names[n], i);
        n++;
        there += v->p != NULL;
        sure = sure && !v->dying;
        model_forget(v);
    }
    redisAppendCommandArgv(w->c, n + 1, words, NULL);
    if (sure)
        expect_number(w, there, "UNLINK of many");
    else
        expect(w, WANT_ANY, "UNLINK of many");
}

static void op_expire(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    bool brief = model_random(&w->model) % 4 == 0, gone = v->dying || w->run->evicting;
    if (v->dying)
        return;
    redisAppendCommand(w->c, "PEXPIRE %s %d", name_of(name, key), brief ? 50 : LONG_S * 1000);
    struct expected *e = expect_number(w, v->p != NULL, "PEXPIRE");
    e->may_be_gone = gone;
    v->dying = v->p && brief;
    v->dead_s = now_s() + GRACE_S;
    v->lasts = v->p && !brief;
}

static void op_ttl(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    const struct model_value *v = &w->model.values[key];
    if (w->run->evicting || v->dying || v->lasts) {
        redisAppendCommand(w->c, "PERSIST %s", name_of(name, key));
        expect(w, WANT_ANY, "PERSIST");
        /* One that was dying may have been saved just in time, or not: it counts as dying still, for good. */
        w->model.values[key].lasts = false;
        w->model.values[key].dead_s = INFINITY;
        return;
    }
    redisAppendCommand(w->c, "TTL %s", name_of(name, key));
    expect_number(w, v->p ? -1 : -2, "TTL");
}

static void op_append(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    size_t n = model_random_size(&w->model) / 2;
    char *p;
    if (v->dying || v->len > 1000000)
        return;
    p = model_random_bytes(&w->model, n);
    redisAppendCommand(w->c, "APPEND %s %b", name_of(name, key), p, n);
    if (!v->p)
        model_set(v, "", 0);
    model_write(v, v->len, p, n);
    expect_number(w, (long long)v->len, "APPEND");
    free(p);
}

static void op_setrange(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    size_t n = 1 + model_random_size(&w->model) / 2, at = model_random(&w->model) % (v->len + 2000);
    char *p;
    if (v->dying || v->len > 1000000)
        return;
    p = model_random_bytes(&w->model, n);
    redisAppendCommand(w->c, "SETRANGE %s %d %b", name_of(name, key), (int)at, p, n);
    model_write(v, at, p, n);
    expect_number(w, (long long)v->len, "SETRANGE");
    free(p);
}

static void op_getrange(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    const struct model_value *v = &w->model.values[key];
    size_t at, n;
    if (v->dying || v->len == 0)
        return;
    at = model_random(&w->model) % v->len;
    n = 1 + model_random(&w->model) % (v->len - at);
    redisAppendCommand(w->c, "GETRANGE %s %d %d", name_of(name, key), (int)at, (int)(at + n - 1));
    expect_stored(w, key, at, n, "GETRANGE");
}

static void op_rename(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN], other[NAME_MAX_LEN];
    int to = (int)(model_random(&w->model) % MODEL_KEYS);
    struct model_value *v = &w->model.values[key], *t = &w->model.values[to];
    if (!v->p || v->dying || to == key)
        return;
    if (model_random(&w->model) % 2) {
        redisAppendCommand(w->c, "RENAME %s %s", name_of(name, key), name_of(other, to));
        expect(w, WANT_STATUS, "RENAME");
        model_forget(t);
        *t = *v;
        *v = (struct model_value){0};
    } else {
        bool lasts = v->lasts;
        redisAppendCommand(w->c, "COPY %s %s REPLACE", name_of(name, key), name_of(other, to));
        expect_number(w, 1, "COPY");
        model_set(t, v->p, v->len);
        t->lasts = lasts;
    }
}

static void op_mset(struct stress_client *w, int key)
{
    char a[NAME_MAX_LEN], b[NAME_MAX_LEN], d[NAME_MAX_LEN];
    int second = (key + 7) % MODEL_KEYS, third = (key + 100) % MODEL_KEYS;
    size_t n = model_random_size(&w->model);
    char *p = model_random_bytes(&w->model, n);
    redisAppendCommand(w->c, "MSET %s %b %s %b %s %b", name_of(a, key), p, n, name_of(b, second), p, n / 2,
                       name_of(d, third), p, n / 3);
    expect(w, WANT_STATUS, "MSET");
    model_set(&w->model.values[key], p, n);
    model_set(&w->model.values[second], p, n / 2);
    model_set(&w->model.values[third], p, n / 3);
    free(p);
}

static void op_scan(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    switch (model_random(&w->model) % 4) {
    case 0:
        redisAppendCommand(w->c, "SCAN %d COUNT 20", (int)(model_random(&w->model) % 100000));
        break;
    case 1:
        redisAppendCommand(w->c, "RANDOMKEY");
        break;
    case 2:
        redisAppendCommand(w->c, "OBJECT ENCODING %s", name_of(name, key));
        break;
    default:
        redisAppendCommand(w->c, "MEMORY USAGE %s", name_of(name, key));
    }
    expect(w, WANT_ANY, "SCAN");
}

/* Notes which keys a page of a scan tells; dies where there is no such key. Returns the cursor. */
static unsigned long long scan_step(struct stress_client *w, unsigned long long cursor, bool *seen)
{
    redisReply *r = redisCommand(w->c, "SCAN %llu COUNT %d", cursor, 1 + (int)(model_random(&w->model) % 100));
    if (!r || r->type != REDIS_REPLY_ARRAY)
        die(w, "SCAN", r);
    cursor = strtoull(r->element[0]->str, NULL, 10);
    for (size_t i = 0; i < r->element[1]->elements; i++) {
        const char *name = r->element[1]->element[i]->str;
        int key = atoi(name + 1);
        if (name[0] != 'k' || key < 0 || key >= MODEL_KEYS || !w->model.values[key].p)
            die(w, "SCAN tells a key that is not there", r->element[1]->element[i]);
        seen[key] = true;
    }
    freeReplyObject(r);
    w->commands++;
    return cursor;
}

/* Nobody else changes this database: a whole scan tells every key, once or more, whatever is moved meanwhile. */
static void scan_all(struct stress_client *w, int key)
{
    bool seen[MODEL_KEYS] = {false};
    unsigned long long cursor = 0;
    (void)key;
    if (w->run->evicting || model_random(&w->model) % 20)
        return;
    do
        cursor = scan_step(w, cursor, seen);
    while (cursor != 0);
    for (int i = 0; i < MODEL_KEYS; i++)
        if (!seen[i] && w->model.values[i].p && !w->model.values[i].dying)
            die(w, "SCAN does not tell a key that is there", NULL);
}

static void op_flush(struct stress_client *w, int key)
{
    (void)key;
    if (model_random(&w->model) % 500)
        return;
    redisAppendCommand(w->c, model_random(&w->model) % 2 ? "FLUSHDB" : "FLUSHDB ASYNC");
    expect(w, WANT_STATUS, "FLUSHDB");
    model_free(&w->model);
    redisAppendCommand(w->c, "DBSIZE");
    expect_number(w, 0, "DBSIZE");
}

/* ---- replies ---- */

static bool is_right(const struct expected *e, const redisReply *r)
{
    switch (e->kind) {
    case WANT_STATUS:
        return r->type == REDIS_REPLY_STATUS;
    case WANT_INT:
        return r->type == REDIS_REPLY_INTEGER && r->integer == e->n;
    case WANT_VALUE:
        return r->type == REDIS_REPLY_STRING && (size_t)r->len == e->len && memcmp(r->str, e->p, e->len) == 0;
    case WANT_NIL:
        return r->type == REDIS_REPLY_NIL;
    default:
        return r->type != REDIS_REPLY_ERROR || strncmp(r->str, "ERR no such key", 15) == 0;
    }
}

static bool is_gone(const struct expected *e, const redisReply *r)
{
    return e->may_be_gone && (r->type == REDIS_REPLY_NIL || (r->type == REDIS_REPLY_INTEGER && r->integer == 0) ||
                              (r->type == REDIS_REPLY_STRING && r->len == 0));
}

static void read_batch(struct stress_client *w)
{
    for (int i = 0; i < w->nexpected; i++) {
        struct expected *e = &w->expected[i];
        redisReply *r = NULL;
        if (redisGetReply(w->c, (void **)&r) != REDIS_OK)
            die(w, e->what, NULL);
        if (!is_right(e, r) && !is_gone(e, r))
            die(w, e->what, r);
        freeReplyObject(r);
        free(e->p);
        w->commands++;
    }
    w->nexpected = 0;
}

/* ---- while memory is short ---- */

/* Sends a command alone; its reply says whether the key was there. */
static redisReply *ask_alone(struct stress_client *w, const char *format, ...)
{
    va_list args;
    read_batch(w);
    va_start(args, format);
    redisReply *r = redisvCommand(w->c, format, args);
    va_end(args);
    if (!r)
        die(w, format, NULL);
    w->commands++;
    return r;
}

static void short_append(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    size_t n = 1 + model_random_size(&w->model) / 2;
    if (v->dying || v->len > 400000)
        return;
    char *p = model_random_bytes(&w->model, n);
    redisReply *r = ask_alone(w, "APPEND %s %b", name_of(name, key), p, n);
    if (r->type == REDIS_REPLY_INTEGER && r->integer == (long long)n)
        model_forget(v); /* it was gone, or empty */
    if (!v->p)
        model_set(v, "", 0);
    model_write(v, v->len, p, n);
    if (r->type != REDIS_REPLY_INTEGER || r->integer != (long long)v->len)
        die(w, "APPEND", r);
    freeReplyObject(r);
    free(p);
}

/* Ends before the value's end, so the length tells whether it was there. */
static void short_setrange(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    if (v->dying || v->len < 2)
        return;
    size_t at = model_random(&w->model) % (v->len - 1), n = 1 + model_random(&w->model) % (v->len - 1 - at);
    char *p = model_random_bytes(&w->model, n);
    redisReply *r = ask_alone(w, "SETRANGE %s %d %b", name_of(name, key), (int)at, p, n);
    if (r->type == REDIS_REPLY_INTEGER && r->integer == (long long)(at + n)) {
        model_forget(v);
        model_set(v, "", 0);
    }
    model_write(v, at, p, n);
    if (r->type != REDIS_REPLY_INTEGER || r->integer != (long long)v->len)
        die(w, "SETRANGE", r);
    freeReplyObject(r);
    free(p);
}

static void short_rename(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN], other[NAME_MAX_LEN];
    int to = (int)(model_random(&w->model) % MODEL_KEYS);
    struct model_value *v = &w->model.values[key], *t = &w->model.values[to];
    bool copy = model_random(&w->model) % 2;
    if (!v->p || v->dying || to == key)
        return;
    redisReply *r = ask_alone(w, copy ? "COPY %s %s REPLACE" : "RENAME %s %s", name_of(name, key), name_of(other, to));
    bool done = copy ? r->type == REDIS_REPLY_INTEGER && r->integer == 1 : r->type == REDIS_REPLY_STATUS;
    bool gone = copy ? r->type == REDIS_REPLY_INTEGER && r->integer == 0
                     : r->type == REDIS_REPLY_ERROR && strncmp(r->str, "ERR no such key", 15) == 0;
    if (!done && !gone)
        die(w, copy ? "COPY" : "RENAME", r);
    if (done) {
        bool lasts = v->lasts;
        model_set(t, v->p, v->len);
        t->lasts = lasts;
    }
    if (gone || !copy)
        model_forget(v);
    freeReplyObject(r);
}

/* ---- slow reads ---- */

static void slow_open(struct stress_client *w)
{
    w->slow = raw_open(w->run->server);
    raw_send_text(w->slow, "SELECT ");
    raw_send_text(w->slow, (const char[]){(char)('0' + w->id), '\r', '\n', '\0'});
    raw_expect(w->slow, "+OK\r\n");
}

/* Reads n bytes from the second connection. False: the server has closed it, as it may while memory is short; there is
 * a new one then. */
static bool slow_read(struct stress_client *w, char *to, size_t n)
{
    for (ssize_t got; n > 0; to += got, n -= (size_t)got) {
        got = recv(w->slow, to, n, 0);
        if (got > 0)
            continue;
        if (!w->run->evicting)
            die(w, "slow GET is cut off", NULL);
        close(w->slow);
        free(w->slow_value);
        w->slow_value = NULL;
        slow_open(w);
        return false;
    }
    return true;
}

/* Makes the key's value longer than what the sockets take in: its last segments, the short ones that do get moved, stay
 * pinned while it is read. */
static void slow_grow(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    struct model_value *v = &w->model.values[key];
    size_t at = SLOW_MIN + model_random(&w->model) % 60000, n = 200;
    char *p = model_random_bytes(&w->model, n);
    redisAppendCommand(w->c, "SETRANGE %s %d %b", name_of(name, key), (int)at, p, n);
    model_write(v, at, p, n);
    expect_number(w, (long long)v->len, "SETRANGE");
    free(p);
    read_batch(w);
}

/* The same while memory is short: a value of its own, which may be evicted while it is read. */
static void slow_set(struct stress_client *w, int key)
{
    char name[NAME_MAX_LEN];
    size_t n = SLOW_SHORT + model_random(&w->model) % 60000;
    char *p = model_random_bytes(&w->model, n);
    model_set(&w->model.values[key], p, n);
    redisAppendCommand(w->c, "SET %s %b", name_of(name, key), p, n);
    expect(w, WANT_STATUS, "SET");
    free(p);
    read_batch(w);
}

/* Asks for a long value on the second connection; its first bytes say that it was looked up. */
static void slow_begin(struct stress_client *w, int key)
{
    char line[64], name[NAME_MAX_LEN], head[32] = "";
    struct model_value *v = &w->model.values[key];
    int n = 0;
    if (w->slow_value || v->dying)
        return;
    if (w->run->evicting)
        slow_set(w, key);
    else
        slow_grow(w, key);
    snprintf(line, sizeof(line), "GET %s\r\n", name_of(name, key));
    send(w->slow, line, strlen(line), MSG_NOSIGNAL); /* where that fails, reading will tell */
    do
        if (!slow_read(w, &head[n], 1))
            return;
    while (head[n++] != '\n' && n < (int)sizeof(head) - 1);
    if (w->run->evicting && strcmp(head, "$-1\r\n") == 0) {
        model_forget(v);
        return;
    }
    if (head[0] != '$' || strtoul(head + 1, NULL, 10) != v->len)
        die(w, "slow GET has another length", NULL);
    w->slow_value = malloc(v->len);
    memcpy(w->slow_value, v->p, v->len);
    w->slow_len = v->len;
    w->slow_at = 0;
}

static void slow_step(struct stress_client *w)
{
    char buf[SLOW_STEP + 2];
    size_t n = w->slow_len - w->slow_at < SLOW_STEP ? w->slow_len - w->slow_at : SLOW_STEP;
    if (!w->slow_value || !slow_read(w, buf, n))
        return;
    if (memcmp(buf, w->slow_value + w->slow_at, n) != 0)
        die(w, "slow GET differs", NULL);
    w->slow_at += n;
    if (w->slow_at == w->slow_len && slow_read(w, buf, 2)) {
        free(w->slow_value);
        w->slow_value = NULL;
    }
}

/* ---- clients ---- */

typedef void (*operation)(struct stress_client *w, int key);

static operation choose(struct stress_client *w)
{
    static const operation keeping[] = {op_set,    op_set,      op_get,      op_get,     op_get,    op_del,
                                        op_append, op_setrange, op_getrange, op_rename,  op_expire, op_ttl,
                                        op_mset,   op_scan,     op_flush,    slow_begin, scan_all,  op_cull};
    static const operation evicting[] = {op_set,      op_set,       op_set,         op_get,       op_get,
                                         op_del,      op_expire,    op_mset,        op_scan,      op_cull,
                                         op_getrange, short_append, short_setrange, short_rename, slow_begin};
    uint64_t r = model_random(&w->model);
    return w->run->evicting ? evicting[r % (sizeof(evicting) / sizeof(evicting[0]))]
                            : keeping[r % (sizeof(keeping) / sizeof(keeping[0]))];
}

static void *client_main(void *arg)
{
    struct stress_client *w = arg;
    while (!atomic_load(&w->run->over)) {
        pthread_rwlock_rdlock(&w->run->still);
        int n = 1 + (int)(model_random(&w->model) % (BATCH - 2));
        for (int i = 0; i < n && w->nexpected < BATCH - 2; i++) {
            operation op = choose(w);
            /* What is asked on the second connection must not overtake what is still in the first. */
            if (op == slow_begin || op == scan_all)
                read_batch(w);
            op(w, (int)(model_random(&w->model) % MODEL_KEYS));
        }
        read_batch(w);
        pthread_rwlock_unlock(&w->run->still);
        if (model_random(&w->model) % 4 == 0)
            slow_step(w);
    }
    while (w->slow_value)
        slow_step(w);
    for (int key = 0; key < MODEL_KEYS; key++) {
        op_get(w, key);
        read_batch(w);
    }
    atomic_fetch_add(&w->run->commands, w->commands);
    return NULL;
}

static void *painter_main(void *arg)
{
    struct run *run = arg;
    while (!atomic_load(&run->over)) {
        pthread_rwlock_rdlock(&run->still);
        atomic_fetch_add(&run->commands, painter_turn(run->painter));
        pthread_rwlock_unlock(&run->still);
    }
    return NULL;
}

static void client_setup(struct stress_client *w, struct run *run, int id)
{
    *w = (struct stress_client){.run = run, .id = id};
    w->model.random = (run->seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(id + 1) << 40;
    w->c = client_open(run->server);
    expect_status(w->c, "OK", "SELECT %d", id);
    slow_open(w);
}

static void client_teardown(struct stress_client *w)
{
    redisFree(w->c);
    close(w->slow);
    model_free(&w->model);
}

/* What the control client asks. Clients' threads are at it meanwhile, on this stack: no cmocka failure, which would
 * leave it. */
static void control_ask(struct stress_client *me, const char *command)
{
    redisReply *r = redisCommand(me->c, command);
    if (r == NULL || r->type == REDIS_REPLY_ERROR)
        die(me, command, r);
    freeReplyObject(r);
}

static void flush_all(struct stress_client *me, const char *command)
{
    struct run *run = me->run;
    pthread_rwlock_wrlock(&run->still);
    control_ask(me, command);
    redisReply *left = redisCommand(me->c, "DBSIZE");
    if (left == NULL || left->type != REDIS_REPLY_INTEGER || left->integer != 0)
        die(me, "DBSIZE after FLUSHALL", left);
    freeReplyObject(left);
    for (int i = 0; i < CLIENTS; i++)
        model_free(&run->clients[i].model);
    painter_flushed(run->painter);
    pthread_rwlock_unlock(&run->still);
}

/* The control client: everything that moves memory or looks at all of it. */
static void control(struct run *run)
{
    static const char *const commands[] = {"DEBUG CHECK",    "INFO all",          "MEMORY DEFRAG START",
                                           "MEMORY STATS",   "CLIENT LIST",       "MEMORY MAP",
                                           "DEBUG CHECK",    "SLOWLOG GET",       "MEMORY PURGE",
                                           "LATENCY LATEST", "LATENCY HISTOGRAM", "MEMORY DEFRAG STATUS"};
    enum { FLUSH_EVERY = 17 };
    const struct timespec pause = {0, 50000000};
    struct stress_client me = {.run = run, .c = client_open(run->server), .id = -1};
    double end = now_s() + run->seconds;
    for (int i = 0; now_s() < end; i++) {
        control_ask(&me, commands[i % (sizeof(commands) / sizeof(commands[0]))]);
        if (i % FLUSH_EVERY == FLUSH_EVERY - 1)
            flush_all(&me, i % 2 == 0 ? "FLUSHALL SYNC" : "FLUSHALL ASYNC");
        nanosleep(&pause, NULL);
    }
    atomic_store(&run->over, true);
    redisFree(me.c);
}

static void stress(bool evicting)
{
    struct run run = {.evicting = evicting, .seed = settings.seed};
    run.seconds = settings.seconds * (evicting ? 1 : 2) / 3;
    struct stress_client clients[CLIENTS];
    pthread_t threads[CLIENTS + 1];
    pthread_rwlockattr_t kind;
    redisContext *c;
    run.clients = clients;
    pthread_rwlockattr_init(&kind);
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&run.still, &kind);
    pthread_rwlockattr_destroy(&kind);
    run.server = SERVER_START("--enable-debug-command", "yes", "--threads", "3", "--activedefrag", "yes",
                              "--active-defrag-ignore-bytes", "1", "--slab-growth-factor", "1.5",
                              "--active-defrag-cycle-min", "80", "--active-defrag-cycle-max", "99",
                              "--active-defrag-latency-target", "0", "--maxmemory", evicting ? "32mb" : "0");
    fprintf(stderr, "stress: seed %llu\n", (unsigned long long)run.seed);
    for (int i = 0; i < CLIENTS; i++)
        client_setup(&clients[i], &run, i);
    run.painter = painter_new(run.server, CLIENTS, evicting, run.seed);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, &clients[i]), 0);
    assert_int_equal(pthread_create(&threads[CLIENTS], NULL, painter_main, &run), 0);
    control(&run);
    for (int i = 0; i <= CLIENTS; i++)
        pthread_join(threads[i], NULL);
    painter_free(run.painter);
    for (int i = 0; i < CLIENTS; i++)
        client_teardown(&clients[i]);
    pthread_rwlock_destroy(&run.still);
    c = client_open(run.server);
    expect_status(c, "OK", "DEBUG CHECK");
    long long moved = info_number(c, "stats", "active_defrag_hits"), won = info_number(c, "memory", "pages_moved");
    expect_status(c, "OK", "FLUSHALL");
    expect_status(c, "OK", "MEMORY PURGE");
    expect_status(c, "OK", "DEBUG CHECK");
    redisFree(c);
    server_stop(run.server);
    fprintf(stderr, "stress: %lu commands, %lld chunks moved, %lld pages won\n", atomic_load(&run.commands), moved,
            won);
    assert_true(moved > 0 && won > 0);
}

static void test_keeping(void **state)
{
    (void)state;
    stress(false);
}

static void test_evicting(void **state)
{
    (void)state;
    stress(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeping),
        cmocka_unit_test(test_evicting),
    };
    settings.seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            settings.seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            settings.seed = strtoull(argv[i + 1], NULL, 10);
    }
    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
