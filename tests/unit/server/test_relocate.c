/* Relocation beside the threads that use what is relocated: two threads write, read, rename, expire and delete their
 * own keys and find them as they left them, while a third compacts, frees and expires without a pause, and checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/expiry.h"
#include "server/reclaim.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"
#include "tests/unit/server/store_fixture.h"

enum { USERS = 2, KEYS = 600, STEPS = 30000, VALUE_MAX = 150000 };

static struct fixture f;
static _Atomic int working;

struct user { /* cmocka's asserts are for the main thread; here REQUIRE */
    pthread_t thread;
    struct store_ctx *sx;
    uint32_t number;
    uint64_t random;
    struct {
        size_t len;
        uint32_t fill; /* the value is this, counted on, in 4 bytes each; 0: the key is not there */
    } known[KEYS];
    char *value;
};

static uint32_t below(struct user *u, uint32_t n)
{
    u->random = u->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((u->random >> 32) * n >> 32);
}

static void make_value(struct user *u, uint32_t fill, size_t len)
{
    for (size_t i = 0; i < len; i += 4) {
        uint32_t word = fill + (uint32_t)i;
        memcpy(u->value + i, &word, 4);
    }
}

static size_t some_length(struct user *u)
{
    uint32_t kind = below(u, 40);
    return 4 * (size_t)(kind == 0 ? below(u, VALUE_MAX / 4) : kind < 4 ? below(u, 2000) : 1 + below(u, 60));
}

static void check_value(struct user *u, uint32_t key, const struct entry *e)
{
    REQUIRE(store_value_len(e) == u->known[key].len);
    for (size_t at = 0, run; at < e->len; at += run) {
        const char *p = store_value_piece(u->sx, e, at, &run);
        for (size_t i = (4 - at % 4) % 4; i + 4 <= run; i += 4) {
            uint32_t word;
            memcpy(&word, p + i, 4);
            REQUIRE(word == u->known[key].fill + (uint32_t)(at + i));
        }
    }
}

static void key_of(struct user *u, uint32_t i, char *text, struct skey *k)
{
    int len = snprintf(text, 32, "user%u:key%u", u->number, i);
    store_key(f.s, k, text, (size_t)len, (uint16_t)(i % 3));
}

static void use_one(struct user *u)
{
    char text[32];
    struct skey k;
    struct entry e;
    uint32_t i = below(u, KEYS), what = below(u, 10);
    key_of(u, i, text, &k);
    store_lock(u->sx, &k, 1);
    bool found = store_read(u->sx, &k, &e);
    REQUIRE(found == (u->known[i].fill != 0));
    if (found)
        check_value(u, i, &e);
    if (what < 5) {
        struct part part = {u->value, some_length(u)};
        uint32_t fill = 1 + below(u, 1000000);
        make_value(u, fill, part.len);
        int64_t expiry = below(u, 3) == 0 ? clock_wall_ms() + 1000000 : STORE_NO_EXPIRY;
        REQUIRE(store_put(u->sx, &k, &e, &part, 1, NULL, expiry, 0) == STORE_OK);
        u->known[i].len = part.len;
        u->known[i].fill = fill;
    } else if (what < 7 && found) {
        store_delete(u->sx, &k, &e);
        u->known[i].fill = 0;
    } else if (what < 8 && found) {
        REQUIRE(store_expire(u->sx, &k, &e, clock_wall_ms() + 500000) == STORE_OK);
    } else if (found && e.len < VALUE_MAX - 4) {
        uint32_t word = u->known[i].fill + (uint32_t)e.len;
        REQUIRE(store_write(u->sx, &k, &e, e.len, (const char *)&word, 4) == STORE_OK);
        u->known[i].len += 4;
    }
    store_unlock(u->sx, &k, 1);
}

/* A reader that is slow: the value stays as it was found while others may overwrite or delete it. */
static void pin_one(struct user *u)
{
    char text[32];
    struct skey k;
    struct entry e;
    uint32_t i = below(u, KEYS), id = 0, word = 0;
    size_t run;
    key_of(u, i, text, &k);
    store_lock(u->sx, &k, 1);
    const char *p = NULL;
    if (store_find(u->sx, &k, &e) && e.rope != NULL) {
        id = item_rope_id(e.item, item_head(e.item));
        rope_pin(e.rope);
        p = store_value_piece(u->sx, &e, 0, &run);
    }
    store_unlock(u->sx, &k, 1);
    if (id == 0)
        return;
    uint32_t fill = u->known[i].fill;
    for (int n = 0; n < 20; n++)
        use_one(u);
    memcpy(&word, p, 4);
    REQUIRE(word == fill);
    rope_unpin(u->sx, id);
}

static void rename_one(struct user *u)
{
    char text[2][32];
    struct skey k[2];
    struct entry fe, te;
    uint32_t a = below(u, KEYS), b = below(u, KEYS);
    if (a == b)
        return;
    key_of(u, a, text[0], &k[0]);
    key_of(u, b, text[1], &k[1]);
    store_lock(u->sx, k, 2);
    store_find(u->sx, &k[1], &te);
    if (store_find(u->sx, &k[0], &fe)) {
        REQUIRE(store_rename(u->sx, &k[0], &fe, &k[1], &te) == STORE_OK);
        u->known[b] = u->known[a];
        u->known[a].fill = 0;
        check_value(u, b, &te);
    }
    store_unlock(u->sx, k, 2);
}

static void *use(void *arg)
{
    struct user *u = arg;
    for (uint32_t step = 0; step < STEPS; step++) {
        if (step % 64 == 0)
            store_ctx_turn(u->sx, clock_wall_ms());
        uint32_t what = below(u, 20);
        if (what == 0)
            pin_one(u);
        else if (what < 4)
            rename_one(u);
        else
            use_one(u);
    }
    magazines_flush(u->sx);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* What the memory thread does, without its rests. */
static void keep_house(void)
{
    struct expiry x = {.done_s = clock_wall_ms() / 1000 - CHUNK_EXPIRY_STATES};
    char why[256];
    struct decision d;
    for (uint32_t round = 0; atomic_load(&working) > 0; round++) {
        store_ctx_turn(f.sx, clock_wall_ms());
        reclaim_compact(f.sx, &d);
        reclaim_pack(f.sx, round % (f.s->slab.classes.n - 1)); /* whether or not that wins anything */
        rope_free_lazy(f.sx, 100);
        if (!expiry_step(f.sx, &x, 16)) { /* at once again: every second, or so few that most are left at a glance */
            x.next_ms = 0;
            x.done_s -= round % 2 == 0 ? CHUNK_EXPIRY_STATES : CHUNK_EXPIRY_STATES / 2;
        }
        if (round % 64 == 0 && !store_check(f.sx, why, sizeof why))
            fail_msg("%s", why);
        if (round % 16 == 0)
            pool_trim(&f.s->slab.pool, 2, 64);
    }
}

static void test_beside_its_users(void **state)
{
    (void)state;
    static struct user user[USERS];
    fixture_begin(&f, EVICT_NONE, 0);
    store_ctx_turn(f.sx, clock_wall_ms());
    atomic_store(&working, USERS);
    for (uint32_t i = 0; i < USERS; i++) {
        user[i].sx = store_ctx_new(f.s);
        user[i].number = i;
        user[i].random = i + 1;
        user[i].value = malloc(VALUE_MAX + 4);
        assert_int_equal(pthread_create(&user[i].thread, NULL, use, &user[i]), 0);
    }
    keep_house();
    for (uint32_t i = 0; i < USERS; i++) {
        pthread_join(user[i].thread, NULL);
        for (uint32_t key = 0; key < KEYS; key++) {
            char text[32];
            struct skey k;
            struct entry e;
            key_of(&user[i], key, text, &k);
            store_lock(user[i].sx, &k, 1);
            bool found = store_find(user[i].sx, &k, &e);
            assert_int_equal(found, user[i].known[key].fill != 0);
            if (found)
                check_value(&user[i], key, &e);
            store_unlock(user[i].sx, &k, 1);
        }
        free(user[i].value);
    }
    assert_true(atomic_load(&f.s->outcomes[MOVE_MOVED]) > 0);
    assert_int_equal(fixture_tally(&f).orphaned, 0);
    fixture_end(&f);
}

/* A chunk may be packed into one of a larger class only as long as the head can tell the slack. */
static void test_packing_within_slack(void **state)
{
    static const char bytes[CHUNK_MAX];
    (void)state;
    fixture_begin_growing(&f, EVICT_NONE, 0, 1.5);
    store_ctx_turn(f.sx, clock_wall_ms());
    const struct size_classes *c = &f.s->slab.classes;
    uint32_t tried = 0;
    for (uint32_t k = 1; k + 1 < c->n && c->c[k + 1].size <= CHUNK_MAX; k++) {
        uint32_t least = c->c[k - 1].size + 1;
        if (!policy_packs_into(c->c[k].size, c->c[k + 1].size) || c->c[k + 1].size - least <= ITEM_SLACK_MAX)
            continue;
        tried++;
        assert_int_equal(fixture_put(&f, "k", 0, bytes, least - 5, STORE_NO_EXPIRY), STORE_OK);
        assert_int_equal(fixture_put(&f, "n", 0, bytes, c->c[k + 1].size - 5, STORE_NO_EXPIRY), STORE_OK);
        magazines_flush(f.sx);
        lock_take(&f.s->reclaim, LOCK_RECLAIM);
        relocate_pack(f.sx, k);
        lock_release(&f.s->reclaim, LOCK_RECLAIM);
        assert_true(fixture_has(&f, "k", 0));
        fixture_assert_sound(&f);
    }
    assert_true(tried > 0);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing_within_slack),
        cmocka_unit_test(test_beside_its_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
