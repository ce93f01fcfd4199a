/* The store against a model: random operations on few keys in few shards (so that tables fill, grow and shrink), with
 * every size of key and value, relocation between operations, an expiring clock, and memory that runs out. What came
 * back short must have changed nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/big.h"
#include "server/index_find.h"
#include "server/quick_put.h"
#include "server/reclaim.h"
#include "tests/unit/server/store_fixture.h"

enum { KEYS = 500, VALUE_MAX = 200 * 1024, NOISE = 1 << 20, FEW_SHARDS = 4 };

struct known { /* a key and what it should hold */
    struct skey k;
    char *key, *value;
    size_t len;
    int64_t expiry;
    bool there, raw;
};

static struct fixture f;
static struct known keys[KEYS];
static char *noise; /* NOISE bytes to take values from */
static int64_t now;
static uint32_t shorts; /* operations refused for want of memory */

static uint32_t below(uint32_t n)
{
    return fixture_below(&f, n);
}

/* Keys of a few shards, but for long ones, which take too long to find. */
static void make_key(struct known *w, uint32_t i)
{
    static const uint16_t dbs[] = {0, 0, 0, 1, 30, 31, 500};
    static const uint32_t lengths[] = {0, 254, 255, 256, 257, 3000, 4070, 4080, 4084, 4090, 20000, STORE_KEY_MAX};
    uint32_t special = sizeof lengths / sizeof *lengths;
    uint32_t len = i < special ? lengths[i] : 8 + below(30);
    uint16_t db = i < 2 ? 0 : dbs[below(7)];
    w->key = malloc(len + 1);
    for (uint32_t j = 0; j < len; j++)
        w->key[j] = (char)below(256);
    for (uint32_t n = 0;; n++) {
        if (len >= 8)
            memcpy(w->key, &n, sizeof n);
        store_key(f.s, &w->k, w->key, len, db);
        if (len < 8 || len > 300 || w->k.hash >> (64 - SHARD_BITS) < FEW_SHARDS)
            break;
    }
}

static void begin(uint64_t budget)
{
    fixture_begin(&f, EVICT_NONE, budget);
    now = FIXTURE_NOW_MS;
    shorts = 0;
    noise = malloc(NOISE);
    for (size_t i = 0; i < NOISE; i++)
        noise[i] = (char)below(256);
    for (uint32_t i = 0; i < KEYS; i++) {
        keys[i] = (struct known){0};
        make_key(&keys[i], i);
    }
}

static void end(void)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        free(keys[i].key);
        free(keys[i].value);
    }
    free(noise);
    fixture_end(&f);
}

static size_t some_length(void)
{
    switch (below(20)) {
    case 0:
        return 0;
    case 1:
        return below(VALUE_MAX);
    case 2:
        return CHUNK_MAX - 60 + below(80); /* where one chunk ends and ropes begin */
    case 3:
        return (1 + below(3)) * (size_t)SEGMENT_WHOLE - 3 + below(6);
    case 4:
    case 5:
        return below(4 * SEGMENT_MID);
    default:
        return below(300);
    }
}

static bool alive(const struct known *w)
{
    return w->there && (w->expiry == STORE_NO_EXPIRY || w->expiry > now);
}

static void forget(struct known *w)
{
    free(w->value);
    w->value = NULL;
    w->there = false;
}

/* What is found is what is known: value, expiry, encoding. */
static void assert_entry(const struct known *w, const struct entry *e)
{
    static char copy[2 * VALUE_MAX];
    assert_int_equal(store_value_len(e), w->len);
    assert_true(store_expiry(e) == w->expiry);
    assert_int_equal(store_value_is_raw(e), w->raw);
    store_value_copy(f.sx, e, 0, w->len, copy);
    assert_memory_equal(copy, w->value, w->len);
    if (w->len > 0) {
        size_t at = below((uint32_t)w->len), run;
        const char *p = store_value_piece(f.sx, e, at, &run);
        assert_true(run > 0 && at + run <= w->len);
        assert_memory_equal(p, w->value + at, run);
    }
}

static bool find(struct known *w, struct entry *e)
{
    bool found = store_find(f.sx, &w->k, e);
    if (!found && w->there && !alive(w))
        forget(w);
    assert_int_equal(found, w->there);
    assert_int_equal(e->item != NULL, w->there);
    return found;
}

/* What there is of items and segments; tables may have grown for an insertion that was then refused. */
static struct tally before_write(void)
{
    return (struct tally){.items = atomic_load(&f.sx->bytes.items), .segments = atomic_load(&f.sx->bytes.segments)};
}

static void assert_unchanged(struct known *w, const struct tally *before, enum store_status status)
{
    struct tally after = fixture_tally(&f);
    struct entry e;
    assert_int_equal(status, STORE_SHORT);
    assert_int_equal(after.items, before->items);
    assert_int_equal(after.segments, before->segments);
    assert_int_equal(after.orphaned, 0);
    assert_int_equal(after.live, after.items + after.segments + after.tables);
    assert_int_equal(after.reserved, f.sx->held);
    if (find(w, &e))
        assert_entry(w, &e);
    shorts++;
}

static void learn(struct known *w, char *value, size_t len, int64_t expiry, bool raw)
{
    free(w->value);
    *w = (struct known){w->k, w->key, value, len, expiry, true, raw};
}

static int64_t some_expiry(void)
{
    return below(3) == 0 ? now + 1 + below(below(2) ? 3000 : 400000) : STORE_NO_EXPIRY;
}

/* One to three parts; the first may be a part of the old value, where it is one piece. */
static void op_put(struct known *w, struct entry *e)
{
    size_t len = some_length(), old_len = 0, cut[2] = {below((uint32_t)len + 1), below((uint32_t)len + 1)};
    unsigned flags = (below(4) == 0 ? STORE_KEEPTTL : 0) | (below(4) == 0 ? STORE_RAW : 0);
    int64_t expiry = some_expiry();
    int nparts = 1 + (int)below(3);
    const char *from = noise + below((uint32_t)(NOISE - len)), *old = w->there ? store_value_flat(e, &old_len) : NULL;
    char *value = malloc(len + 1);
    memcpy(value, from, len);
    size_t a = cut[0] < cut[1] ? cut[0] : cut[1], b = cut[0] < cut[1] ? cut[1] : cut[0];
    struct part parts[3] = {{from, a}, {from + a, b - a}, {from + b, len - b}};
    if (nparts == 1)
        parts[0].len = len;
    else if (nparts == 2)
        parts[1].len = len - a;
    if (old != NULL && below(3) == 0 && parts[0].len > 0 && old_len >= parts[0].len) {
        parts[0].p = old + (old_len - parts[0].len);
        memcpy(value, parts[0].p, parts[0].len);
    }
    if (flags & STORE_KEEPTTL)
        expiry = w->there ? w->expiry : STORE_NO_EXPIRY;
    struct tally before = before_write();
    enum store_status status =
        store_put(f.sx, &w->k, e, parts, nparts, NULL, flags & STORE_KEEPTTL ? 5 : expiry, flags);
    if (status != STORE_OK) {
        free(value);
        assert_unchanged(w, &before, status);
        return;
    }
    learn(w, value, len, expiry, flags & STORE_RAW);
    assert_entry(w, e);
}

/* What a plain SET in a pipeline does. It finds the key by itself. */
static void op_quick_put(struct known *w, struct entry *e)
{
    if (w->k.len > 255 || w->k.db >= ITEM_DB_WIDE)
        return;
    size_t len = below(4) == 0 ? some_length() : below(200);
    struct arg arg = {noise + below((uint32_t)(NOISE - len)), len, NULL};
    if (below(2) == 0) /* a hint, for what comes too: it has to be of no use once its shard has changed */
        index_peek(f.s, shard_of(f.s, w->k.hash), &w->k);
    struct tally before = before_write();
    if (!quick_put(f.sx, shard_of(f.s, w->k.hash), &w->k, &arg)) {
        assert_unchanged(w, &before, STORE_SHORT);
        return;
    }
    char *value = malloc(len + 1);
    memcpy(value, arg.p, len);
    learn(w, value, len, STORE_NO_EXPIRY, false);
    assert_true(find(w, e));
    assert_entry(w, e);
}

static void op_put_big(struct known *w, struct entry *e)
{
    size_t len = 1 + below(2) * 40000 + below(60000), arrived = 0;
    int64_t expiry = some_expiry();
    const char *from = noise + below((uint32_t)(NOISE - len));
    struct tally before = before_write();
    struct big *b = big_new(f.sx, len);
    void *big = b;
    struct iovec iov[3];
    int n;
    assert_non_null(b);
    while ((n = big_iov(f.sx, b, iov, 3)) > 0)
        for (int i = 0; i < n; i++) {
            memcpy(iov[i].iov_base, from + arrived, iov[i].iov_len);
            big_filled(b, iov[i].iov_len);
            arrived += iov[i].iov_len;
        }
    enum store_status status = n < 0 ? STORE_SHORT : store_put(f.sx, &w->k, e, NULL, 0, &big, expiry, STORE_TAKE_BIG);
    if (status != STORE_OK) {
        assert_ptr_equal(big, b); /* still the caller's */
        big_free(f.sx, b);
        assert_unchanged(w, &before, status);
        return;
    }
    assert_null(big);
    char *value = malloc(len);
    memcpy(value, from, len);
    learn(w, value, len, expiry, false);
    assert_entry(w, e);
}

static void op_write(struct known *w, struct entry *e)
{
    if (!w->there || w->len > VALUE_MAX)
        return;
    size_t n = some_length() % 70000;
    size_t at = below(3) == 0 ? w->len : below(2) ? below((uint32_t)w->len + 1) : w->len + below(5000);
    size_t len = at + n > w->len ? at + n : w->len;
    const char *from = noise + below((uint32_t)(NOISE - n));
    char *value = calloc(1, len + 1);
    memcpy(value, w->value, w->len);
    memcpy(value + at, from, n);
    struct tally before = before_write();
    enum store_status status = store_write(f.sx, &w->k, e, at, from, n);
    if (status != STORE_OK) {
        free(value);
        assert_unchanged(w, &before, status);
        return;
    }
    learn(w, value, len, w->expiry, true);
    assert_entry(w, e);
}

static void op_expire(struct known *w, struct entry *e)
{
    if (!w->there)
        return;
    int64_t expiry = below(3) == 0 ? STORE_NO_EXPIRY : now + 1 + below(400000);
    struct tally before = before_write();
    enum store_status status = store_expire(f.sx, &w->k, e, expiry);
    if (status != STORE_OK) {
        assert_unchanged(w, &before, status);
        return;
    }
    w->expiry = expiry;
    assert_entry(w, e);
}

static void op_delete(struct known *w, struct entry *e)
{
    if (!w->there)
        return;
    store_delete(f.sx, &w->k, e);
    forget(w);
    assert_null(e->item);
}

static void op_relocate(struct known *w, struct entry *e)
{
    if (!w->there)
        return;
    relocate_entry(f.sx, &w->k, e);
    assert_entry(w, e);
    store_touch(f.sx, e); /* writes to the slot: it must be the one in use */
}

static void one_key(struct known *w)
{
    static void (*const ops[])(struct known *, struct entry *) = {op_put,     op_put,    op_quick_put, op_quick_put,
                                                                  op_put_big, op_write,  op_write,     op_expire,
                                                                  op_delete,  op_delete, op_relocate};
    struct entry e;
    store_lock(f.sx, &w->k, 1);
    if (find(w, &e))
        assert_entry(w, &e);
    ops[below(sizeof ops / sizeof *ops)](w, &e);
    store_unlock(f.sx, &w->k, 1);
}

/* RENAME and COPY. */
static void two_keys(struct known *from, struct known *to)
{
    struct skey both[2] = {from->k, to->k};
    struct entry fe, te;
    bool move = below(2);
    store_lock(f.sx, both, 2);
    find(to, &te);
    if (!find(from, &fe)) {
        store_unlock(f.sx, both, 2);
        return;
    }
    struct tally before = before_write();
    enum store_status status =
        move ? store_rename(f.sx, &from->k, &fe, &to->k, &te) : store_copy(f.sx, &from->k, &fe, &to->k, &te);
    if (status != STORE_OK) {
        assert_unchanged(from, &before, status);
        if (find(to, &te))
            assert_entry(to, &te);
    } else {
        char *value = malloc(from->len + 1);
        memcpy(value, from->value, from->len);
        learn(to, value, from->len, from->expiry, from->raw);
        if (move)
            forget(from);
        assert_entry(to, &te);
        store_touch(f.sx, &te);
        if (find(from, &fe))
            assert_entry(from, &fe);
    }
    store_unlock(f.sx, both, 2);
}

static void housekeeping(void)
{
    struct decision d;
    switch (below(6)) {
    case 0:
        now += below(2000);
        store_ctx_turn(f.sx, now);
        break;
    case 1:
        rope_free_lazy(f.sx, 3);
        break;
    case 2:
        magazines_flush(f.sx);
        break;
    default:
        reclaim_compact(f.sx, &d);
        break;
    }
}

static void assert_all(void)
{
    int64_t live[DB_PHYSICAL] = {0}, expires[DB_PHYSICAL] = {0};
    for (uint32_t i = 0; i < KEYS; i++) {
        struct known *w = &keys[i];
        struct entry e;
        store_lock(f.sx, &w->k, 1);
        if (find(w, &e)) {
            assert_entry(w, &e);
            live[w->k.db]++;
            expires[w->k.db] += w->expiry != STORE_NO_EXPIRY;
        }
        store_unlock(f.sx, &w->k, 1);
    }
    for (uint16_t db = 0; db < DB_PHYSICAL; db++) {
        assert_int_equal(store_db_keys(f.s, db), live[db]);
        assert_int_equal(store_db_expires(f.s, db), expires[db]);
    }
    fixture_assert_sound(&f);
}

static void play(uint32_t steps)
{
    for (uint32_t step = 0; step < steps; step++) {
        uint32_t a = below(KEYS), b = below(KEYS);
        if (below(5) == 0 && a != b)
            two_keys(&keys[a], &keys[b]);
        else
            one_key(&keys[a]);
        if (below(8) == 0)
            housekeeping();
        if (step % 2000 == 1999)
            assert_all();
    }
    assert_all();
}

static void delete_all(void)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct entry e;
        store_lock(f.sx, &keys[i].k, 1);
        if (find(&keys[i], &e))
            op_delete(&keys[i], &e);
        store_unlock(f.sx, &keys[i].k, 1);
    }
    lock_take(&f.s->reclaim, LOCK_RECLAIM);
    while (rope_free_lazy(f.sx, UINT32_MAX) > 0)
        ;
    magazines_flush(f.sx);
    relocate_revisit(f.sx);
    lock_release(&f.s->reclaim, LOCK_RECLAIM);
    fixture_assert_empty(&f);
}

static void test_random_operations(void **state)
{
    (void)state;
    begin(0);
    play(6000);
    assert_int_equal(shorts, 0);
    delete_all();
    end();
}

/* Too few pages for what is asked: about half of the writes are refused. */
static void test_random_operations_short_of_memory(void **state)
{
    (void)state;
    begin(110);
    for (int round = 0; round < 3; round++) {
        play(2500);
        pool_set_budget(&f.s->slab.pool, round == 0 ? 150 : 80); /* below what is used: every page is refused */
    }
    assert_true(shorts > 100);
    delete_all();
    end();
}

static struct known *put_known(uint32_t i, size_t len, int64_t expiry)
{
    struct known *w = &keys[i];
    struct entry e;
    struct part part = {noise, len};
    char *value = malloc(len + 1);
    memcpy(value, noise, len);
    store_lock(f.sx, &w->k, 1);
    find(w, &e);
    assert_int_equal(store_put(f.sx, &w->k, &e, &part, 1, NULL, expiry, 0), STORE_OK);
    learn(w, value, len, expiry, false);
    assert_entry(w, &e);
    store_unlock(f.sx, &w->k, 1);
    return w;
}

/* A value that needed a rope beside a long key keeps it beside a short one, whatever then is done with it. */
static void test_a_rope_beside_a_shorter_key(void **state)
{
    (void)state;
    begin(0);
    for (int then = 0; then < 4; then++) {
        struct known *from = put_known(3, CHUNK_MAX - 200, STORE_NO_EXPIRY), *to = &keys[20 + then];
        struct skey both[2] = {from->k, to->k};
        struct entry fe, te;
        store_lock(f.sx, both, 2);
        assert_true(find(from, &fe) && fe.rope != NULL);
        find(to, &te);
        assert_int_equal(store_rename(f.sx, &from->k, &fe, &to->k, &te), STORE_OK);
        assert_non_null(te.rope);
        learn(to, from->value, from->len, from->expiry, false);
        from->value = NULL;
        from->there = false;
        for (int i = 0; i < 2; i++) {
            if (then == 0)
                op_expire(to, &te);
            else if (then == 1)
                op_write(to, &te);
            else if (then == 2)
                op_relocate(to, &te);
            else
                op_put(to, &te);
        }
        assert_true(find(to, &te));
        assert_entry(to, &te);
        store_unlock(f.sx, both, 2);
    }
    assert_all();
    end();
}

/* The longest key, with values around the end of its page. */
static void test_the_longest_keys(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 20, 28, 4000, 70000};
    begin(0);
    for (uint32_t i = 10; i < 12; i++)
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            struct known *w = put_known(i, lengths[j], j % 2 ? now + 50000 : STORE_NO_EXPIRY);
            struct entry e;
            store_lock(f.sx, &w->k, 1);
            assert_true(find(w, &e));
            assert_true(e.rope != NULL);
            op_write(w, &e);
            op_expire(w, &e);
            op_relocate(w, &e);
            store_unlock(f.sx, &w->k, 1);
        }
    assert_all();
    end();
}

static void test_what_has_expired_is_not_found(void **state)
{
    (void)state;
    begin(0);
    struct entry e;
    for (uint32_t i = 0; i < 100; i++)
        put_known(i, some_length(), now + 1 + i);
    for (uint32_t i = 0; i < 100; i++) {
        store_ctx_turn(f.sx, now + 1 + i - 1);
        store_lock(f.sx, &keys[i].k, 1);
        assert_true(store_find(f.sx, &keys[i].k, &e)); /* the last millisecond */
        store_unlock(f.sx, &keys[i].k, 1);
        store_ctx_turn(f.sx, now + 1 + i);
        store_lock(f.sx, &keys[i].k, 1);
        assert_false(store_read(f.sx, &keys[i].k, &e));
        store_unlock(f.sx, &keys[i].k, 1);
        forget(&keys[i]);
    }
    assert_int_equal(atomic_load(&f.sx->counters.expired), 100);
    assert_int_equal(atomic_load(&f.sx->counters.misses), 100);
    assert_all();
    end();
}

static void test_too_big(void **state)
{
    (void)state;
    begin(0);
    struct known *w = put_known(5, 100, STORE_NO_EXPIRY);
    struct entry e;
    struct part part = {noise, 1001};
    atomic_store(&f.s->max_value, 1000);
    store_lock(f.sx, &w->k, 1);
    assert_true(find(w, &e));
    assert_int_equal(store_put(f.sx, &w->k, &e, &part, 1, NULL, STORE_NO_EXPIRY, 0), STORE_TOO_BIG);
    assert_int_equal(store_write(f.sx, &w->k, &e, 1000, noise, 1), STORE_TOO_BIG);
    assert_int_equal(store_write(f.sx, &w->k, &e, SIZE_MAX, noise, 2), STORE_TOO_BIG);
    assert_int_equal(store_reserve(f.sx, &w->k, 1001, false), STORE_TOO_BIG);
    assert_entry(w, &e);
    assert_int_equal(store_write(f.sx, &w->k, &e, 999, noise, 1), STORE_OK);
    store_unlock(f.sx, &w->k, 1);
    fixture_assert_sound(&f);
    end();
}

/* Many keys of one shard in one command, with more and more memory: once all were reserved, all are written. */
static void reserve_and_put(uint32_t first, uint32_t n, size_t len, uint64_t pages)
{
    struct skey k[KEYS];
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; i < n; i++)
        k[i] = keys[first + i].k;
    pool_set_budget(&f.s->slab.pool, pages);
    store_lock(f.sx, k, n);
    for (uint32_t i = 0; i < n && status == STORE_OK; i++)
        status = store_reserve(f.sx, &k[i], len, i % 2);
    for (uint32_t i = 0; i < n && status == STORE_OK; i++) {
        struct entry e;
        struct part part = {noise, len};
        store_find(f.sx, &k[i], &e);
        assert_int_equal(store_put(f.sx, &k[i], &e, &part, 1, NULL, i % 2 ? now + 1000 : STORE_NO_EXPIRY, 0), STORE_OK);
    }
    if (status == STORE_OK)
        for (uint32_t i = 0; i < n; i++) {
            struct entry e;
            assert_true(store_find(f.sx, &k[i], &e));
            store_delete(f.sx, &k[i], &e);
        }
    store_unlock(f.sx, k, n);
    store_ctx_turn(f.sx, now);
    while (rope_free_lazy(f.sx, UINT32_MAX) > 0)
        ;
    magazines_flush(f.sx);
    fixture_assert_sound(&f);
    struct tally t = fixture_tally(&f);
    assert_int_equal(t.items + t.segments, 0);
    assert_int_equal(t.reserved + t.orphaned, 0);
}

static void test_reserved_is_never_short(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 10, 16, 30, 100, 500, 4000, 9000, 100000};
    begin(0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (uint32_t n = 1; n <= 480; n = n * 4 + 3) {
            uint64_t enough = 40 + n * (lengths[i] / 60000 * 2 + 1) / (lengths[i] < 5000 ? 4 : 1);
            for (uint64_t pages = 1; pages < enough; pages += 1 + pages / 4)
                reserve_and_put(12, n, lengths[i], pages);
        }
    end();
}

/* Where there is no chunk to move the item to, its table may still have moved: the entry names the new one. */
static void test_relocation_without_room(void **state)
{
    (void)state;
    begin(0);
    struct known *w = put_known(15, 3000, STORE_NO_EXPIRY);
    struct entry e;
    chunk_ref ref[64];
    uint32_t n = 0;
    store_lock(f.sx, &w->k, 1);
    assert_true(find(w, &e));
    uint32_t class = slab_class_of_ref(&f.s->slab, slot_ref(*e.slot));
    pool_set_budget(&f.s->slab.pool, 0);
    while (n < 64 && (ref[n] = chunk_take(f.sx, class)) != 0)
        n++;
    assert_int_equal(relocate_entry(f.sx, &w->k, &e), MOVE_NO_ROOM);
    assert_ptr_equal(e.slot, index_find(f.s, &w->k));
    assert_entry(w, &e);
    store_unlock(f.sx, &w->k, 1);
    while (n > 0)
        chunk_give(f.sx, ref[--n]);
    assert_all();
    end();
}

/* A pinned value stays where it is while it is overwritten, grown, renamed and deleted. */
static void test_pinned_values(void **state)
{
    (void)state;
    enum { LEN = 100000 };
    begin(0);
    for (int what = 0; what < 4; what++) {
        struct known *w = put_known(30 + what, LEN, STORE_NO_EXPIRY), *other = &keys[40 + what];
        struct skey both[2] = {w->k, other->k};
        struct entry e, oe;
        size_t run;
        store_lock(f.sx, both, 2);
        assert_true(find(w, &e));
        const char *piece = store_value_piece(f.sx, &e, 0, &run);
        uint32_t id = item_rope_id(e.item, item_head(e.item));
        rope_pin(e.rope);
        relocate_entry(f.sx, &w->k, &e);
        assert_ptr_equal(store_value_piece(f.sx, &e, 0, &run), piece);
        find(other, &oe);
        if (what == 0)
            op_write(w, &e);
        else if (what == 1)
            op_put(w, &e);
        else if (what == 2)
            op_delete(w, &e);
        else
            assert_int_equal(store_rename(f.sx, &w->k, &e, &other->k, &oe), STORE_OK);
        assert_memory_equal(piece, noise, run);
        store_unlock(f.sx, both, 2);
        if (what == 3) {
            learn(other, w->value, w->len, w->expiry, false);
            w->value = NULL;
            w->there = false;
        }
        rope_unpin(f.sx, id);
        assert_all();
    }
    assert_int_equal(fixture_tally(&f).orphaned, 0);
    end();
}

static void test_databases(void **state)
{
    (void)state;
    begin(0);
    char key[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        assert_int_equal(fixture_put(&f, key, store_db(f.s, i % 3), noise, (size_t)i % 5500, STORE_NO_EXPIRY),
                         STORE_OK);
    }
    assert_int_equal(store_db_keys(f.s, store_db(f.s, 1)), 1667);
    store_db_swap(f.s, 1, 2);
    assert_int_equal(store_db_keys(f.s, store_db(f.s, 1)), 1666);
    assert_true(fixture_has(&f, "key:2", store_db(f.s, 1)));
    for (int round = 0; round < 3; round++) {
        store_db_flush(f.sx, 1);
        assert_int_equal(store_db_keys(f.s, store_db(f.s, 1)), 0);
        assert_int_equal(fixture_put(&f, "new", store_db(f.s, 1), "1", 1, STORE_NO_EXPIRY), STORE_OK);
    }
    while (store_sweep(f.sx, 100))
        ;
    fixture_assert_sound(&f);
    assert_int_equal(fixture_tally(&f).items, 1667 + 1667 + 1);
    for (int i = 0; i < 3; i++)
        store_db_flush(f.sx, i);
    while (store_sweep(f.sx, 100))
        ;
    fixture_assert_empty(&f);
    end();
}

#ifndef FLAGSTONE_FORCE_MOVE /* which moves tables whenever they are used */
static bool put_near(uint32_t i)
{
    char name[16];
    struct skey k;
    snprintf(name, sizeof name, "%u", i);
    store_key(f.s, &k, name, strlen(name), 0);
    return shard_of(f.s, k.hash) == &f.s->shards[7] && fixture_put(&f, name, 0, "v", 1, STORE_NO_EXPIRY) == STORE_OK;
}

/* Keys that go and come again leave their shard's small table where it is: it is not re-laid into one of its size. */
static void test_small_tables_stay(void **state)
{
    (void)state;
    enum { NEAR = 30 };
    uint32_t number[NEAR], n = 0;
    begin(0);
    for (uint32_t i = 0; n < NEAR; i++)
        if (put_near(i))
            number[n++] = i;
    while (n > 1) {
        char name[16];
        chunk_ref before = index_table_ref(f.s, UINT64_C(7) << (64 - SHARD_BITS));
        uint32_t class = slab_class_of_ref(&f.s->slab, before);
        snprintf(name, sizeof name, "%u", number[--n]);
        assert_true(fixture_delete(&f, name, 0));
        chunk_ref after = index_table_ref(f.s, UINT64_C(7) << (64 - SHARD_BITS));
        assert_true(after == before || slab_class_of_ref(&f.s->slab, after) < class);
    }
    end();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
        cmocka_unit_test(test_random_operations_short_of_memory),
        cmocka_unit_test(test_a_rope_beside_a_shorter_key),
        cmocka_unit_test(test_the_longest_keys),
        cmocka_unit_test(test_what_has_expired_is_not_found),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_reserved_is_never_short),
        cmocka_unit_test(test_relocation_without_room),
        cmocka_unit_test(test_pinned_values),
        cmocka_unit_test(test_databases),
#ifndef FLAGSTONE_FORCE_MOVE
        cmocka_unit_test(test_small_tables_stay),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
