/* What is said, once, of what the operating system leaves, and what maxmemory may be then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/memory_watch.h"

#define MB ((uint64_t)1 << 20)

/* The step, and whether it said `expected` (NULL: nothing). */
static uint64_t step(struct memory_watch *w, const struct memory_facts *f, uint64_t maxmemory, const char *expected)
{
    struct text said = {0};
    uint64_t ceiling = memory_watch_step(w, f, maxmemory, &said);
    if (expected == NULL)
        assert_int_equal(said.len, 0);
    else
        assert_non_null(strstr(said.p, expected));
    text_free(&said);
    return ceiling;
}

static void a_lowered_cgroup_limit_bounds_and_is_said_once(void **state)
{
    (void)state;
    struct memory_watch w = {0};
    struct memory_facts f = {.machine = (int64_t)(8192 * MB)};
    assert_int_equal(step(&w, &f, 1024 * MB, NULL), 0);
    f.cgroup_limit = (int64_t)(2048 * MB);
    assert_int_equal(step(&w, &f, 1024 * MB, NULL), 1984 * MB);
    f.cgroup_limit = (int64_t)(512 * MB);
    assert_int_equal(step(&w, &f, 1024 * MB, "memory is kept within 496.00M"), 496 * MB);
    step(&w, &f, 1024 * MB, NULL);
    f.cgroup_limit = 0;
    assert_int_equal(step(&w, &f, 1024 * MB, "allows that again"), 0);
    step(&w, &f, 1024 * MB, NULL);
}

static void more_than_the_machine_has_is_said_once(void **state)
{
    (void)state;
    struct memory_watch w = {0};
    struct memory_facts f = {.machine = (int64_t)(1024 * MB)};
    step(&w, &f, 1024 * MB, NULL);
    assert_int_equal(step(&w, &f, 1025 * MB, "but this machine has 1.00G"), 0);
    step(&w, &f, 1025 * MB, NULL);
    step(&w, &f, 512 * MB, NULL);
    step(&w, &f, 2048 * MB, "maxmemory is 2.00G, but this machine has 1.00G");
}

static void without_maxmemory_nothing_is_said_of_limits(void **state)
{
    (void)state;
    struct memory_watch w = {0};
    struct memory_facts f = {.cgroup_limit = (int64_t)(64 * MB)};
    step(&w, &f, 0, NULL);
}

static void swap_is_said_again_when_it_doubles(void **state)
{
    (void)state;
    struct memory_watch w = {0};
    struct memory_facts f = {.swapped = MB / 2};
    step(&w, &f, 0, NULL);
    f.swapped = 3 * MB;
    step(&w, &f, 0, "3.00M of this process are in swap");
    f.swapped = 4 * MB;
    step(&w, &f, 0, NULL);
    f.swapped = 6 * MB;
    step(&w, &f, 0, "6.00M");
    f.swapped = 0;
    step(&w, &f, 0, "any more");
    step(&w, &f, 0, NULL);
}

static void strict_overcommit_is_said_once(void **state)
{
    (void)state;
    struct memory_watch w = {0};
    struct memory_facts f = {.overcommit = 2};
    step(&w, &f, 0, "vm.overcommit_memory is 2");
    step(&w, &f, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lowered_cgroup_limit_bounds_and_is_said_once),
        cmocka_unit_test(more_than_the_machine_has_is_said_once),
        cmocka_unit_test(without_maxmemory_nothing_is_said_of_limits),
        cmocka_unit_test(swap_is_said_again_when_it_doubles),
        cmocka_unit_test(strict_overcommit_is_said_once),
    };
    return cmocka_run_group_tests_name("memory_watch", tests, NULL, NULL);
}
