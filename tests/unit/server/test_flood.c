/* Keys of one hash, as many as the index takes and more: with a secret made for it, all keys that begin with its second
 * word are equal to the hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/server/store_fixture.h"

static const char prefix[] = "flooding";
enum { PREFIX = sizeof prefix - 1, TRIES = 2000, ROOM = 32 };

static struct skey flood_key(struct fixture *f, char *room, uint32_t n)
{
    struct skey k;
    snprintf(room, ROOM, "%s%04u", prefix, n);
    store_key(f->s, &k, room, PREFIX + 4, 0);
    return k;
}

static enum store_status put(struct fixture *f, const struct skey *k)
{
    struct entry e;
    struct part value = {k->p, k->len};
    store_lock(f->sx, k, 1);
    store_find(f->sx, k, &e);
    enum store_status status = store_put(f->sx, k, &e, &value, 1, NULL, STORE_NO_EXPIRY, 0);
    store_unlock(f->sx, k, 1);
    return status;
}

static bool found(struct fixture *f, const struct skey *k)
{
    struct entry e;
    store_lock(f->sx, k, 1);
    bool yes = store_find(f->sx, k, &e);
    if (yes)
        assert_memory_equal(store_value_flat(&e, &e.len), k->p, k->len);
    store_unlock(f->sx, k, 1);
    return yes;
}

static void flood_begin(struct fixture *f)
{
    fixture_begin(f, EVICT_NONE, 0);
    memcpy(&f->s->secret.word[1], prefix, sizeof f->s->secret.word[1]);
}

/* The write that is one too many for a table is refused, and harms nobody; what was written is there, and goes. */
static void test_equal_hashes_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    char room[ROOM];
    flood_begin(&f);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < TRIES; i++) {
        struct skey k = flood_key(&f, room, i);
        enum store_status status = put(&f, &k);
        assert_true(status == STORE_OK || status == STORE_SHORT);
        assert_true(status == STORE_SHORT || taken == i); /* once refused, all that follow are */
        taken += status == STORE_OK;
    }
    assert_in_range(taken, TABLE_FULL, TABLE_CAP_MAX);
    fixture_assert_sound(&f);
    for (uint32_t i = 0; i < TRIES; i++) {
        struct skey k = flood_key(&f, room, i);
        assert_int_equal(found(&f, &k), i < taken);
    }
    struct skey first = flood_key(&f, room, 0), other;
    assert_int_equal(put(&f, &first), STORE_OK); /* overwriting needs no room */
    for (uint32_t i = 0; i < TRIES; i++) {
        char name[16];
        snprintf(name, sizeof name, "other%u", i);
        store_key(f.s, &other, name, strlen(name), 0);
        assert_int_equal(put(&f, &other), STORE_OK);
        assert_true(found(&f, &other));
    }
    for (uint32_t i = 0; i < taken; i++) {
        struct skey k = flood_key(&f, room, i);
        struct entry e;
        store_lock(f.sx, &k, 1);
        assert_true(store_find(f.sx, &k, &e));
        store_delete(f.sx, &k, &e);
        store_unlock(f.sx, &k, 1);
    }
    fixture_assert_sound(&f);
    struct skey again = flood_key(&f, room, TRIES);
    assert_int_equal(put(&f, &again), STORE_OK);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_hashes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
