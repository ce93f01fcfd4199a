/* Threads: where their stacks are, which signals they get. And the clock of ticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "server/thread.h"
#include "server/ticks.h"

struct seen {
    char *local;
    bool term_blocked;
};

static void *look(void *arg)
{
    struct seen *s = arg;
    pthread_attr_t attr;
    void *base;
    size_t size;
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    s->term_blocked = sigismember(&set, SIGTERM) == 1;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &base, &size);
    pthread_attr_destroy(&attr);
    s->local = base;
    return NULL;
}

static void test_stack_is_recorded(void **state)
{
    (void)state;
    struct server *s = aligned_alloc(64, sizeof *s);
    struct seen seen = {0};
    pthread_t t;
    memset(s, 0, sizeof *s);
    assert_int_equal(thread_start(s, &t, "looker", look, &seen), 0);
    pthread_join(t, NULL);
    assert_true(seen.term_blocked);
    assert_int_equal(atomic_load(&s->nstacks), 1);
    assert_ptr_equal(atomic_load(&s->stacks[0].base), seen.local);
    assert_int_equal(s->stacks[0].size, THREAD_STACK_BYTES);
    free(s);
}

static void test_ticks(void **state)
{
    (void)state;
    struct ticks half = {.mult = UINT64_C(1) << 31, .counter = false};
    assert_int_equal(ticks_ns(&half, 10), 5);
    assert_int_equal(ticks_ns(&half, UINT64_MAX - 1), UINT64_MAX / 2);
    struct ticks real = ticks_calibrate();
    assert_true(real.mult > 0);
    uint64_t before = ticks_now(&real);
    assert_true(ticks_now(&real) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack_is_recorded),
        cmocka_unit_test(test_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
