/* Notices: the letters of their classes, the order in which they are read, what is taken back, and that what nobody
 * wants, or belongs to a flushed database, is not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/notice.h"
#include "tests/unit/server/store_fixture.h"

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

static void want(const char *letters)
{
    uint32_t classes;
    assert_true(notice_classes(letters, &classes));
    notices_want(f.s, classes);
}

static void note(enum notice what, uint16_t db, const char *key)
{
    notice_add(f.sx, what, db, key, strlen(key));
}

/* Everything that is noted, as "event key@db ...". */
static void expect_noted(const char *expected)
{
    char text[1024] = "";
    struct noted n;
    size_t len = 0;
    for (size_t at = 0; notices_next(f.sx, &at, &n);)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s %.*s@%d ", n.event, (int)n.key_len, n.key, n.db);
    assert_string_equal(text, expected);
}

static void test_letters(void **state)
{
    static const struct {
        const char *given, *shown, *whole;
    } cases[] = {
        {"", "", ""},
        {"KEA", "AKE", "AKE"},
        {"KEAmn", "AKEm", "AnKEm"},
        {"mnxe$gEK", "g$xenKEm", "g$xenKEm"},
        {"g$lshzxetd", "A", "A"},
        {"g$lshzxet", "g$lshzxet", "g$lshzxet"},
    };
    uint32_t classes, again;
    char text[NOTICES_TEXT_CHARS];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(notice_classes(cases[i].given, &classes));
        notice_classes_text(classes, false, text);
        assert_string_equal(text, cases[i].shown);
        notice_classes_text(classes, true, text);
        assert_string_equal(text, cases[i].whole);
        assert_true(notice_classes(text, &again));
        assert_int_equal(again, classes);
    }
    assert_false(notice_classes("KEQ", &classes));
    assert_false(notice_classes("k", &classes));
}

static void test_what_is_wanted(void **state)
{
    (void)state;
    want("A"); /* neither K nor E */
    note(NOTICE_SET, 0, "a");
    assert_true(notices_none(f.sx));
    want("K$");
    note(NOTICE_SET, 0, "a");
    note(NOTICE_DEL, 0, "a");
    note(NOTICE_INCRBY, 3, "");
    expect_noted("set a@0 incrby @3 ");
    notices_clear(f.sx);
    want("Eg");
    note(NOTICE_DEL, 0, "b");
    note(NOTICE_SET, 0, "b");
    expect_noted("del b@0 ");
    notices_clear(f.sx);
    assert_true(notices_none(f.sx));
}

static void test_databases(void **state)
{
    (void)state;
    want("KA");
    assert_int_equal(fixture_put(&f, "a", 0, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    store_db_swap(f.s, 0, 2);
    note(NOTICE_SET, 0, "a");
    store_db_flush(f.sx, 2);
    note(NOTICE_SET, 0, "gone");
    expect_noted("set a@2 ");
    store_db_swap(f.s, 0, 2);
}

static void test_taking_back(void **state)
{
    (void)state;
    want("KEAmn");
    note(NOTICE_SET, 0, "before");
    size_t mark = notices_mark(f.sx);
    note(NOTICE_NEW, 0, "a");
    note(NOTICE_EXPIRED, 0, "b");
    note(NOTICE_MISS, 0, "cc");
    note(NOTICE_EVICTED, 0, "ddd");
    note(NOTICE_SET, 0, "a");
    notices_take_back(f.sx, mark);
    expect_noted("set before@0 expired b@0 evicted ddd@0 ");
    notices_take_back(f.sx, 0);
    expect_noted("expired b@0 evicted ddd@0 ");
}

static void test_the_store_notes(void **state)
{
    struct entry e;
    struct skey k;
    (void)state;
    want("KEAmn");
    store_key(f.s, &k, "k", 1, 0);
    assert_false(store_read(f.sx, &k, &e));
    assert_int_equal(fixture_put(&f, "k", 0, "x", 1, FIXTURE_NOW_MS + 1), STORE_OK);
    assert_int_equal(fixture_put(&f, "k", 0, "y", 1, FIXTURE_NOW_MS + 1), STORE_OK);
    store_ctx_turn(f.sx, FIXTURE_NOW_MS + 2);
    assert_false(store_find(f.sx, &k, &e));
    expect_noted("keymiss k@0 new k@0 expired k@0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_databases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taking_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_store_notes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
